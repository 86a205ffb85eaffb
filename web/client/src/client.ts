/**
 * The side that owns sockets, links and timers: it tells the Rust core what happened and carries out what the core decides.
 *
 * Everything is told in the order in which it happened, also what carrying out causes (`#tell`).
 */
import { TatumError } from './errors.js';
import { Link } from './link.js';
import { Mind } from './mind.js';
import { trackerOf, type Network } from './network.js';
import { Queue, type Subscription } from './subscription.js';
import { nameOf, type Input, type Output, type Role, type Stream } from './wire.js';

/** How often the core is told that time passed; in the background browsers make it once a second. */
const TICK_MS = 25;
/** Messages, and their bytes, that wait for a relay's word; a little less than what the core takes. */
const WINDOW_MESSAGES = 2_048;
const WINDOW_BYTES = 4 * 1024 * 1024;

export interface Options {
  /** As `networkOf` finds it. */
  network: Network;
  /** `URL` or `URL#KEY` of each tracker; of several each needs its key. */
  trackers: string[];
  /** Who pays. */
  payer: string;
  /** The secret of a key that the payer authorised: 64 hex digits. It never leaves the page. */
  sessionKey: string;
  /** The key that all publishers and subscribers of the streams were given; without it, publishers draw keys and hand them out. */
  groupKey?: string;
  /** How many older messages are asked for; 16 384 unless given. */
  history?: number;
  /** How long to wait for the first tracker, and for the first relay of each stream; 30 s unless given. */
  connectTimeoutMs?: number;
}

export interface Published {
  /** Its number in this client's chain. */
  sequence: number;
}

/** A relay's word for a receipt. */
export interface Settled {
  stream: Stream;
  node: string;
  role: Role;
  epoch: number;
  /** So far in the epoch, of this relay. */
  messages: bigint;
  bytes: bigint;
  bytesOnTime: bigint;
}

export interface Status {
  node: string;
  links: number;
  trackers: number;
  messages: number;
  unaccepted: number;
  receiptsSigned: number;
  receiptsSettled: number;
  receiptsRejected: number;
  unsettled: number;
}

/** What is told by the way: the details of the events of a `Client`. */
export interface Events {
  /** A relay acknowledged a receipt. */
  settled: Settled;
  /** A relay rejected one. */
  rejected: { node: string; reason: string };
  /** A relay serves a stream, or accepts for it. */
  admitted: { stream: Stream; role: Role; node: string };
  /** A relay does not, or does not any more. */
  refused: { stream: Stream; role: Role; node: string; reason: string };
  /** No relay has for so long; we go on looking. */
  unserved: { stream: Stream; role: Role; forMs: number };
  /** A tracker came or went. */
  tracker: { no: number; up: boolean; reason: string | null };
  /** Something that people may want to read. */
  note: { text: string };
}

export interface Client {
  /** Messages of a stream, or of one of its partitions. */
  subscribe(stream: string | Stream): Subscription;
  /** Seals, signs and sends; settled once a relay accepted. */
  publish(stream: string | Stream, payload: Uint8Array | string): Promise<Published>;
  status(): Promise<Status>;
  /** Calls back whenever it happens, until the answer is called. */
  on<Name extends keyof Events>(name: Name, listener: (detail: Events[Name]) => void): () => void;
  /** Has the last receipts signed and acknowledged, for at most so long, and ends; tells how many accounts stayed open. */
  finish(patienceMs?: number): Promise<{ unsettled: number }>;
}

/** Opens a client; settled once a tracker knows it. */
export async function connect(options: Options): Promise<Client> {
  if (typeof RTCPeerConnection === 'undefined') throw new TatumError('unsupported', 'this browser has no WebRTC');
  const { network } = options;
  const seed = crypto.getRandomValues(new Uint8Array(32));
  const mind = await Mind.open({
    seed: `0x${[...seed].map((byte) => byte.toString(16).padStart(2, '0')).join('')}`,
    trackers: options.trackers.map(trackerOf),
    domain: { chain_id: network.chainId, stake_pool: network.stakePool },
    schedule: { genesis_s: network.epochs.genesisS, length_s: network.epochs.lengthS },
    payer: options.payer,
    key: prefixed(options.sessionKey),
    group_key: options.groupKey === undefined ? null : prefixed(options.groupKey),
    history: options.history ?? 16_384,
  });
  const driver = new Driver(mind, options.connectTimeoutMs ?? 30_000);
  await driver.known;
  return driver;
}

function prefixed(hex: string): string {
  return hex.startsWith('0x') ? hex : `0x${hex}`;
}

interface Waiting<T> {
  promise: Promise<T>;
  done(value: T): void;
  failed(error: TatumError): void;
}

function waiting<T>(): Waiting<T> {
  let [done, failed]: [(value: T) => void, (error: TatumError) => void] = [() => {}, () => {}];
  const promise = new Promise<T>((resolve, reject) => ([done, failed] = [resolve, reject]));
  // Who waits hears of it; who does not shall not see an error that nobody handled.
  promise.catch(() => {});
  return { promise, done, failed };
}

/** A stream that is published to. */
interface Publishing {
  stream: Stream;
  admitted: Waiting<void>;
  /** By number, what waits for a relay's word. */
  accepted: Map<number, { done: Waiting<Published>; bytes: number }>;
  bytes: number;
  room: (() => void)[];
}

class Driver implements Client {
  readonly #mind: Mind;
  readonly #patienceMs: number;
  readonly #known = waiting<void>();
  readonly #sockets = new Map<number, WebSocket>();
  readonly #hosts = new Map<number, string>();
  readonly #links = new Map<number, Link>();
  readonly #served = new Map<string, Waiting<void>>();
  readonly #queues = new Map<string, Queue>();
  readonly #publishing = new Map<string, Publishing>();
  readonly #tickets = new Map<number, { publishing: Publishing; done: Waiting<Published>; bytes: number }>();
  readonly #listeners = new Map<keyof Events, Set<(detail: never) => void>>();
  readonly #told: [Input, Uint8Array | undefined][] = [];
  readonly #soon = new MessageChannel();
  readonly #timer: ReturnType<typeof setInterval>;
  #isTelling = false;
  #isSoon = false;
  #ticket = 0;
  #lastReason = '';
  #statuses: Waiting<Status>[] = [];
  #finished: Waiting<{ unsettled: number }> | undefined;
  #end: TatumError | undefined;

  constructor(mind: Mind, patienceMs: number) {
    this.#mind = mind;
    this.#patienceMs = patienceMs;
    this.#soon.port1.onmessage = () => {
      this.#isSoon = false;
      this.#tell({ type: 'tick' });
    };
    this.#timer = setInterval(() => this.#tell({ type: 'tick' }), TICK_MS);
    this.#expire(this.#known, 'no tracker answered', () => this.#stop(new TatumError('timeout', `no tracker answered: ${this.#lastReason}`)));
    this.#tell({ type: 'tick' });
  }

  get known(): Promise<void> {
    return this.#known.promise;
  }

  subscribe(stream: string | Stream): Subscription {
    const named = streamOf(stream);
    const name = nameOf(named);
    const before = this.#queues.get(name);
    if (before) return before;
    const served = waiting<void>();
    const queue = new Queue(served.promise);
    if (this.#end) {
      served.failed(this.#end);
      queue.end(this.#end);
      return queue;
    }
    this.#served.set(name, served);
    this.#queues.set(name, queue);
    this.#expire(served, `no relay served ${name}`);
    this.#tell({ type: 'subscribe', stream: named });
    return queue;
  }

  async publish(stream: string | Stream, payload: Uint8Array | string): Promise<Published> {
    const bytes = typeof payload === 'string' ? new TextEncoder().encode(payload) : payload;
    const publishing = this.#open(streamOf(stream));
    await publishing.admitted.promise;
    while (publishing.accepted.size >= WINDOW_MESSAGES || publishing.bytes + bytes.length > WINDOW_BYTES) {
      if (publishing.accepted.size === 0) break;
      await new Promise<void>((done) => publishing.room.push(done));
    }
    if (this.#end) throw this.#end;
    const done = waiting<Published>();
    this.#ticket = (this.#ticket + 1) % 0xffff_ffff;
    this.#tickets.set(this.#ticket, { publishing, done, bytes: bytes.length });
    this.#tell({ type: 'publish', stream: publishing.stream, ticket: this.#ticket }, bytes);
    return done.promise;
  }

  status(): Promise<Status> {
    if (this.#end) return Promise.reject(this.#end);
    const status = waiting<Status>();
    this.#statuses.push(status);
    this.#tell({ type: 'status' });
    return status.promise;
  }

  on<Name extends keyof Events>(name: Name, listener: (detail: Events[Name]) => void): () => void {
    const listeners = this.#listeners.get(name) ?? new Set();
    this.#listeners.set(name, listeners.add(listener));
    return () => listeners.delete(listener);
  }

  finish(patienceMs = 10_000): Promise<{ unsettled: number }> {
    if (this.#end) return Promise.reject(this.#end);
    if (!this.#finished) {
      this.#finished = waiting();
      this.#tell({ type: 'finish', patience_ms: patienceMs });
    }
    return this.#finished.promise;
  }

  #open(stream: Stream): Publishing {
    if (this.#end) throw this.#end;
    const name = nameOf(stream);
    let publishing = this.#publishing.get(name);
    if (!publishing) {
      publishing = { stream, admitted: waiting(), accepted: new Map(), bytes: 0, room: [] };
      this.#publishing.set(name, publishing);
      // The next attempt opens it again, and waits anew.
      this.#expire(publishing.admitted, `no relay accepts for ${name}`, () => this.#publishing.delete(name));
      this.#tell({ type: 'open_publisher', stream });
    }
    return publishing;
  }

  #expire(what: Waiting<void>, words: string, then?: () => void): void {
    const timer = setTimeout(() => {
      what.failed(new TatumError('timeout', this.#lastReason ? `${words}: ${this.#lastReason}` : words));
      then?.();
    }, this.#patienceMs);
    what.promise.then(
      () => clearTimeout(timer),
      () => clearTimeout(timer),
    );
  }

  /** Tells the core, and carries out what it wants done; what that causes is told after it. */
  #tell(input: Input, body?: Uint8Array): void {
    if (this.#end) return;
    this.#told.push([input, body]);
    if (this.#isTelling) return;
    this.#isTelling = true;
    try {
      for (let next = this.#told.shift(); next && !this.#end; next = this.#told.shift()) {
        for (const [output, bytes] of this.#mind.tell(...next)) this.#carryOut(output, bytes);
      }
    } catch (error) {
      this.#stop(error instanceof TatumError ? error : new TatumError('broken', String(error)));
    } finally {
      this.#isTelling = false;
    }
  }

  /** Packets that came together are looked at together, as soon as the browser has handed over all of them. */
  #packet(link: number, bytes: Uint8Array): void {
    this.#tell({ type: 'packet', link }, bytes);
    if (this.#isSoon) return;
    this.#isSoon = true;
    this.#soon.port2.postMessage(0);
  }

  #carryOut(output: Output, body: Uint8Array): void {
    switch (output.type) {
      case 'connect':
        return this.#connect(output.no, output.url);
      case 'say':
        return this.#sockets.get(output.no)?.send(output.text);
      case 'disconnect':
        return this.#sockets.get(output.no)?.close();
      case 'offer':
        return this.#offer(output.link, output.stun, this.#hosts.get(output.no));
      case 'answer':
        return this.#links.get(output.link)?.answered(output.description);
      case 'send': {
        const isSent = this.#links.get(output.link)?.send(body, output.repair);
        if (isSent === false) this.#tell({ type: 'unsent', link: output.link }, body);
        return;
      }
      case 'close':
        return this.#links.get(output.link)?.endSoon();
      case 'message':
      case 'gap':
      case 'unreadable':
        return this.#handOver(output, body);
      case 'published':
        return this.#published(output.ticket, output.sequence);
      case 'unpublished': {
        const ticket = this.#tickets.get(output.ticket);
        this.#tickets.delete(output.ticket);
        return ticket?.done.failed(new TatumError(output.code, output.reason));
      }
      case 'accepted':
        return this.#accepted(output.stream, output.sequence);
      case 'admitted':
        if (output.role === 'subscriber') this.#served.get(nameOf(output.stream))?.done();
        if (output.role === 'publisher') this.#publishing.get(nameOf(output.stream))?.admitted.done();
        return this.#emit('admitted', { stream: output.stream, role: output.role, node: output.node });
      case 'refused':
        this.#lastReason = `node ${output.node} said: ${output.reason}`;
        return this.#emit('refused', { stream: output.stream, role: output.role, node: output.node, reason: output.reason });
      case 'unserved':
        return this.#emit('unserved', { stream: output.stream, role: output.role, forMs: output.for_ms });
      case 'settled':
        return this.#emit('settled', {
          stream: output.stream,
          node: output.node,
          role: output.role,
          epoch: output.epoch,
          messages: BigInt(output.messages),
          bytes: BigInt(output.bytes),
          bytesOnTime: BigInt(output.bytes_on_time),
        });
      case 'rejected':
        return this.#emit('rejected', { node: output.node, reason: output.reason });
      case 'tracker':
        if (output.up) this.#known.done();
        if (output.reason !== null) this.#lastReason = output.reason;
        return this.#emit('tracker', { no: output.no, up: output.up, reason: output.reason });
      case 'tracker_refused':
        this.#lastReason = `the tracker said: ${output.reason}`;
        return this.#emit('note', { text: this.#lastReason });
      case 'note':
        return this.#emit('note', { text: output.text });
      case 'status':
        return this.#statuses.shift()?.done({
          node: output.node,
          links: output.links,
          trackers: output.trackers,
          messages: output.messages,
          unaccepted: output.unaccepted,
          receiptsSigned: output.receipts_signed,
          receiptsSettled: output.receipts_settled,
          receiptsRejected: output.receipts_rejected,
          unsettled: output.unsettled,
        });
      case 'finished':
        this.#finished?.done({ unsettled: output.unsettled });
        return this.#stop();
      case 'fault':
        throw new TatumError('broken', `the core was told nonsense: ${output.reason}`);
    }
  }

  #connect(no: number, url: string): void {
    let socket: WebSocket;
    try {
      socket = new WebSocket(url);
    } catch (error) {
      return this.#tell({ type: 'socket_closed', no, reason: `${url}: ${String(error)}` });
    }
    this.#sockets.set(no, socket);
    this.#hosts.set(no, new URL(url).hostname);
    const encoder = new TextEncoder();
    socket.onopen = () => this.#tell({ type: 'socket_opened', no });
    socket.onmessage = ({ data }) => {
      if (typeof data === 'string') this.#tell({ type: 'socket_text', no }, encoder.encode(data));
      else socket.close();
    };
    socket.onclose = ({ code, reason }) => {
      this.#sockets.delete(no);
      this.#tell({ type: 'socket_closed', no, reason: `${url} closed (${code}${reason && `: ${reason}`})` });
    };
  }

  #offer(link: number, stun: string | null, host: string | undefined): void {
    // A service on all addresses is where we reach the tracker.
    const server = stun?.replace(/^(0\.0\.0\.0|\[::\]):/, `${host}:`);
    const closed = () => {
      this.#links.delete(link);
      this.#tell({ type: 'link_closed', link });
    };
    try {
      const made = new Link(server, {
        described: (description) => this.#tell({ type: 'described', link }, new TextEncoder().encode(description)),
        opened: () => this.#tell({ type: 'link_opened', link }),
        packet: (bytes) => this.#packet(link, bytes),
        closed,
      });
      this.#links.set(link, made);
    } catch {
      // A page may have only so many connections; the core tries again later.
      closed();
    }
  }

  #handOver(output: Extract<Output, { type: 'message' | 'gap' | 'unreadable' }>, body: Uint8Array): void {
    const queue = this.#queues.get(nameOf(output.stream));
    const placed = { stream: output.stream, publisher: output.publisher, chain: BigInt(output.chain) };
    if (output.type === 'gap') {
      return queue?.push({ type: 'gap', ...placed, first: BigInt(output.first), last: BigInt(output.last) });
    }
    const sequence = BigInt(output.sequence);
    if (output.type === 'unreadable') return queue?.push({ type: 'unreadable', ...placed, sequence });
    // A copy: what it is cut from holds all that came with it.
    queue?.push({ type: 'message', ...placed, sequence, timestampMs: Number(output.timestamp_ms), payload: body.slice() });
  }

  #published(no: number, sequence: number): void {
    const ticket = this.#tickets.get(no);
    this.#tickets.delete(no);
    if (!ticket) return;
    ticket.publishing.accepted.set(sequence, { done: ticket.done, bytes: ticket.bytes });
    ticket.publishing.bytes += ticket.bytes;
  }

  #accepted(stream: Stream, sequence: number): void {
    const publishing = this.#publishing.get(nameOf(stream));
    const accepted = publishing?.accepted.get(sequence);
    if (!publishing || !accepted) return;
    publishing.accepted.delete(sequence);
    publishing.bytes -= accepted.bytes;
    accepted.done.done({ sequence });
    for (const goOn of publishing.room.splice(0)) goOn();
  }

  #emit<Name extends keyof Events>(name: Name, detail: Events[Name]): void {
    for (const listener of this.#listeners.get(name) ?? []) {
      try {
        (listener as (detail: Events[Name]) => void)(detail);
      } catch (error) {
        // Whose listener fails hears of it; the client goes on.
        reportError(error);
      }
    }
  }

  #stop(error?: TatumError): void {
    if (this.#end) return;
    this.#end = error ?? new TatumError('ending', 'the client has ended');
    clearInterval(this.#timer);
    this.#soon.port1.close();
    for (const link of [...this.#links.values()]) link.end();
    for (const socket of this.#sockets.values()) socket.close();
    for (const queue of this.#queues.values()) queue.end(error);
    const open = [...this.#publishing.values()];
    const waits: { failed(error: TatumError): void }[] = [
      this.#known,
      ...this.#served.values(),
      ...this.#statuses,
      ...open.map((publishing) => publishing.admitted),
      ...open.flatMap((publishing) => [...publishing.accepted.values()].map(({ done }) => done)),
      ...[...this.#tickets.values()].map(({ done }) => done),
      ...(this.#finished ? [this.#finished] : []),
    ];
    for (const wait of waits) wait.failed(this.#end);
    for (const { room } of open) for (const goOn of room.splice(0)) goOn();
  }
}

function streamOf(stream: string | Stream): Stream {
  return typeof stream === 'string' ? { id: stream, partition: 0 } : stream;
}
