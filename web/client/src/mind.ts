/** The Rust core (`crates/browser`) as WebAssembly: what happened goes in, what is to be done comes out. It imports nothing. */
import { TatumError } from './errors.js';
import type { Input, Output, Terms, Told } from './wire.js';

interface Exports {
  memory: WebAssembly.Memory;
  allocate(length: number): number;
  release(at: number, length: number): void;
  open(at: number, length: number, monotonicMs: number, machineMs: number): bigint;
  tell(at: number, text: number, body: number, monotonicMs: number, machineMs: number): bigint;
  last_words(): bigint;
}

const EMPTY = new Uint8Array();
const encoder = new TextEncoder();
const decoder = new TextDecoder();
let compiled: Promise<WebAssembly.Module> | undefined;

async function compile(): Promise<WebAssembly.Module> {
  if (typeof WebAssembly === 'undefined') throw new TatumError('unsupported', 'this browser has no WebAssembly');
  const url = new URL('./tatum.wasm', import.meta.url);
  const response = await fetch(url).catch((error: unknown) => {
    throw new TatumError('unreachable', `${url} could not be fetched: ${String(error)}`);
  });
  if (!response.ok) throw new TatumError('unreachable', `${url} could not be fetched: status ${response.status}`);
  try {
    return await WebAssembly.compile(await response.arrayBuffer());
  } catch (error) {
    throw new TatumError('unsupported', `the browser does not compile ${url}: ${String(error)}`);
  }
}

export class Mind {
  private constructor(private readonly core: Exports) {}

  /** Each client has an instance of its own; the code is compiled once. */
  static async open(terms: Terms): Promise<Mind> {
    compiled ??= compile();
    const module = await compiled.catch((error: unknown) => {
      compiled = undefined;
      throw error;
    });
    const { exports } = await WebAssembly.instantiate(module, {});
    const mind = new Mind(exports as unknown as Exports);
    const bytes = encoder.encode(JSON.stringify(terms));
    const words = mind.call(bytes, EMPTY, (at) => mind.core.open(at, bytes.length, performance.now(), Date.now()));
    if (words.length > 0) throw new TatumError('invalid_options', decoder.decode(words));
    return mind;
  }

  tell(input: Input, body: Uint8Array = EMPTY): Told[] {
    const text = encoder.encode(JSON.stringify(input));
    const answer = this.call(text, body, (at) => this.core.tell(at, text.length, body.length, performance.now(), Date.now()));
    const view = new DataView(answer.buffer);
    const told: Told[] = [];
    for (let at = 0; at < answer.length; ) {
      const [textLength, bodyLength] = [view.getUint32(at, true), view.getUint32(at + 4, true)];
      const bodyAt = at + 8 + textLength;
      const output = JSON.parse(decoder.decode(answer.subarray(at + 8, bodyAt))) as Output;
      told.push([output, answer.subarray(bodyAt, bodyAt + bodyLength)]);
      at = bodyAt + bodyLength;
    }
    return told;
  }

  /** Writes, calls, and takes the answer out of the core's memory: its address is in the upper 32 bits, its length in the lower. */
  private call(text: Uint8Array, body: Uint8Array, ask: (at: number) => bigint): Uint8Array<ArrayBuffer> {
    const length = text.length + body.length;
    try {
      const at = this.core.allocate(length);
      const room = new Uint8Array(this.core.memory.buffer, at, length);
      room.set(text);
      room.set(body, text.length);
      const place = BigInt.asUintN(64, ask(at));
      this.core.release(at, length);
      return this.taken(place);
    } catch (error) {
      throw new TatumError('broken', `the core stopped: ${this.lastWords() || String(error)}`);
    }
  }

  private taken(place: bigint): Uint8Array<ArrayBuffer> {
    const [at, length] = [Number(place >> 32n), Number(place & 0xffff_ffffn)];
    if (length === 0) return new Uint8Array();
    const copy = new Uint8Array(this.core.memory.buffer, at, length).slice() as Uint8Array<ArrayBuffer>;
    this.core.release(at, length);
    return copy;
  }

  private lastWords(): string {
    try {
      return decoder.decode(this.taken(BigInt.asUintN(64, this.core.last_words())));
    } catch {
      return '';
    }
  }
}
