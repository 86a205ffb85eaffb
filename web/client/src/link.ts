/** One data channel to a relay. The session description is sent as the browser made it. */

/** How long a link may take to open. */
const OPENING_MS = 10_000;
/** How long is waited for the browser's own addresses; a relay is reached without most of them. */
const GATHERING_MS = 700;
/** What waits to leave, at most; the Rust core sends again what does not fit. */
const QUEUE_BYTES = 1024 * 1024;
/** Half of it is kept free for what is new. */
const REPAIR_QUEUE_BYTES = QUEUE_BYTES / 2;
/** A path that is lost for longer is given up. */
const LOST_MS = 5_000;
/** How long a link that ends may take to send what waits. */
const LAST_WORDS_MS = 500;

export interface LinkEvents {
  described(description: string): void;
  opened(): void;
  packet(bytes: Uint8Array): void;
  /** Once; nothing follows it. */
  closed(): void;
}

export class Link {
  readonly #connection: RTCPeerConnection;
  readonly #channel: RTCDataChannel;
  readonly #events: LinkEvents;
  #opening: ReturnType<typeof setTimeout>;
  #lost: ReturnType<typeof setTimeout> | undefined;
  #ended = false;

  constructor(stun: string | undefined, events: LinkEvents) {
    this.#events = events;
    this.#connection = new RTCPeerConnection(stun === undefined ? {} : { iceServers: [{ urls: `stun:${stun}` }] });
    // Both ends know the one channel beforehand.
    this.#channel = this.#connection.createDataChannel('tatum', { negotiated: true, id: 0 });
    this.#channel.binaryType = 'arraybuffer';
    this.#channel.onopen = () => {
      clearTimeout(this.#opening);
      if (!this.#ended) events.opened();
    };
    this.#channel.onmessage = ({ data }) => {
      if (!this.#ended && data instanceof ArrayBuffer) events.packet(new Uint8Array(data));
    };
    this.#channel.onclose = () => this.end();
    this.#connection.onconnectionstatechange = () => this.#stateChanged();
    this.#opening = setTimeout(() => this.end(), OPENING_MS);
    this.#describe().catch(() => this.end());
  }

  async #describe(): Promise<void> {
    await this.#connection.setLocalDescription(await this.#connection.createOffer());
    if (this.#connection.iceGatheringState !== 'complete') {
      await new Promise<void>((done) => {
        const enough = setTimeout(done, GATHERING_MS);
        this.#connection.onicegatheringstatechange = () => {
          if (this.#connection.iceGatheringState !== 'complete') return;
          clearTimeout(enough);
          done();
        };
      });
    }
    if (!this.#ended) this.#events.described(this.#connection.localDescription?.sdp ?? '');
  }

  answered(description: string): void {
    if (this.#ended || this.#connection.signalingState !== 'have-local-offer') return;
    this.#connection.setRemoteDescription({ type: 'answer', sdp: description }).catch(() => this.end());
  }

  /** False if there is no room. */
  send(packet: Uint8Array, repair: boolean): boolean {
    if (this.#ended || this.#channel.readyState !== 'open') return false;
    if (this.#channel.bufferedAmount + packet.length > (repair ? REPAIR_QUEUE_BYTES : QUEUE_BYTES)) return false;
    try {
      this.#channel.send(packet as Uint8Array<ArrayBuffer>);
      return true;
    } catch {
      return false;
    }
  }

  /** Ends it after what waits was sent. */
  endSoon(): void {
    if (this.#channel.readyState !== 'open' || this.#channel.bufferedAmount === 0) return this.end();
    this.#channel.bufferedAmountLowThreshold = 0;
    this.#channel.onbufferedamountlow = () => this.end();
    setTimeout(() => this.end(), LAST_WORDS_MS);
  }

  end(): void {
    if (this.#ended) return;
    this.#ended = true;
    clearTimeout(this.#opening);
    clearTimeout(this.#lost);
    this.#connection.close();
    this.#events.closed();
  }

  #stateChanged(): void {
    const state = this.#connection.connectionState;
    clearTimeout(this.#lost);
    if (state === 'failed' || state === 'closed') this.end();
    if (state === 'disconnected') this.#lost = setTimeout(() => this.end(), LOST_MS);
  }
}
