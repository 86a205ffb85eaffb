/** What a subscriber gets, in order, as an async iterator. What its reader leaves lying is bounded. */
import type { TatumError } from './errors.js';
import type { Stream } from './wire.js';

interface Placed {
  stream: Stream;
  /** The address that signed. */
  publisher: string;
  /** The publisher's run of numbers. */
  chain: bigint;
}

export interface Message extends Placed {
  type: 'message';
  sequence: bigint;
  /** By the publisher's clock. */
  timestampMs: number;
  payload: Uint8Array;
}

/** Messages that nobody could give us. */
export interface Gap extends Placed {
  type: 'gap';
  first: bigint;
  last: bigint;
}

/** A message whose group key nobody gave us in time. */
export interface Unreadable extends Placed {
  type: 'unreadable';
  sequence: bigint;
}

/** Messages that came, and were receipted, while the reader had left too many lying. */
export interface Overrun {
  type: 'overrun';
  messages: number;
}

export type Item = Message | Gap | Unreadable | Overrun;

/** What waits for the reader, at most. */
const MOST_ITEMS = 65_536;
const MOST_BYTES = 32 * 1024 * 1024;

/** Ends with the client; leaving a loop over it does not end the service, which is paid for: `finish` of the client does. */
export interface Subscription extends AsyncIterableIterator<Item> {
  /** Settled once a relay serves the stream. */
  readonly ready: Promise<void>;
}

export class Queue implements Subscription {
  #items: Item[] = [];
  #head = 0;
  #bytes = 0;
  #lost = 0;
  #waiting: { done(result: IteratorResult<Item>): void; failed(error: TatumError): void }[] = [];
  #end: TatumError | true | undefined;

  constructor(readonly ready: Promise<void>) {}

  push(item: Item): void {
    if (this.#end !== undefined) return;
    const reader = this.#waiting.shift();
    if (reader) return reader.done({ value: item, done: false });
    const bytes = item.type === 'message' ? item.payload.length : 0;
    if (this.#items.length - this.#head >= MOST_ITEMS || this.#bytes + bytes > MOST_BYTES) {
      this.#lost += 1;
      return;
    }
    if (this.#lost > 0) {
      this.#items.push({ type: 'overrun', messages: this.#lost });
      this.#lost = 0;
    }
    this.#bytes += bytes;
    this.#items.push(item);
  }

  /** What came before it is still handed out. */
  end(error?: TatumError): void {
    if (this.#end !== undefined) return;
    this.#end = error ?? true;
    for (const reader of this.#waiting.splice(0)) {
      if (error) reader.failed(error);
      else reader.done({ value: undefined, done: true });
    }
  }

  next(): Promise<IteratorResult<Item>> {
    const item = this.#items[this.#head];
    if (item !== undefined) {
      this.#head += 1;
      if (item.type === 'message') this.#bytes -= item.payload.length;
      // Moving the rest down each time would cost the square of what waits.
      if (this.#head >= 1_024 && this.#head * 2 >= this.#items.length) {
        this.#items = this.#items.slice(this.#head);
        this.#head = 0;
      }
      return Promise.resolve({ value: item, done: false });
    }
    if (this.#lost > 0) {
      const messages = this.#lost;
      this.#lost = 0;
      return Promise.resolve({ value: { type: 'overrun', messages }, done: false });
    }
    if (this.#end === true) return Promise.resolve({ value: undefined, done: true });
    if (this.#end) return Promise.reject(this.#end);
    return new Promise((done, failed) => this.#waiting.push({ done, failed }));
  }

  [Symbol.asyncIterator](): this {
    return this;
  }
}
