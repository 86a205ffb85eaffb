/** What passes between this side and the Rust core (`crates/browser`, `input.rs` and `output.rs`); numbers that strangers draw are text. */
export interface Stream {
  id: string;
  partition: number;
}

export type Role = 'subscriber' | 'publisher' | 'storage';

export interface Terms {
  seed: string;
  trackers: { url: string; key: string | null }[];
  domain: { chain_id: number; stake_pool: string };
  schedule: { genesis_s: number; length_s: number };
  payer: string;
  key: string;
  group_key: string | null;
  history: number;
}

export type Input =
  | { type: 'subscribe' | 'open_publisher'; stream: Stream }
  | { type: 'publish'; stream: Stream; ticket: number }
  | { type: 'socket_opened' | 'socket_text'; no: number }
  | { type: 'socket_closed'; no: number; reason: string }
  | { type: 'described' | 'link_opened' | 'packet' | 'unsent' | 'link_closed'; link: number }
  | { type: 'tick' | 'status' }
  | { type: 'finish'; patience_ms: number };

interface Of {
  stream: Stream;
}

interface Placed extends Of {
  publisher: string;
  chain: string;
}

export type Output =
  | { type: 'connect'; no: number; url: string }
  | { type: 'say'; no: number; text: string }
  | { type: 'disconnect'; no: number }
  | { type: 'offer'; link: number; stun: string | null; no: number }
  | { type: 'answer'; link: number; description: string }
  | { type: 'send'; link: number; repair: boolean }
  | { type: 'close'; link: number }
  | ({ type: 'message'; sequence: string; timestamp_ms: string } & Placed)
  | ({ type: 'gap'; first: string; last: string } & Placed)
  | ({ type: 'unreadable'; sequence: string } & Placed)
  | { type: 'published'; ticket: number; sequence: number }
  | { type: 'unpublished'; ticket: number; code: 'too_large' | 'not_permitted' | 'window_full' | 'not_open' | 'ending'; reason: string }
  | ({ type: 'accepted'; sequence: number } & Of)
  | ({ type: 'admitted'; role: Role; node: string } & Of)
  | ({ type: 'refused'; role: Role; node: string; reason: string } & Of)
  | ({ type: 'unserved'; role: Role; for_ms: number } & Of)
  | ({ type: 'settled'; node: string; role: Role; epoch: number; messages: string; bytes: string; bytes_on_time: string } & Of)
  | { type: 'rejected'; node: string; reason: string }
  | { type: 'tracker'; no: number; up: boolean; reason: string | null }
  | { type: 'tracker_refused'; no: number; reason: string }
  | { type: 'note'; text: string }
  | {
      type: 'status';
      node: string;
      links: number;
      trackers: number;
      messages: number;
      unaccepted: number;
      receipts_signed: number;
      receipts_settled: number;
      receipts_rejected: number;
      unsettled: number;
    }
  | { type: 'finished'; unsettled: number }
  | { type: 'fault'; reason: string };

export type Told = [Output, Uint8Array];

export function nameOf(stream: Stream): string {
  return `${stream.id}#${stream.partition}`;
}
