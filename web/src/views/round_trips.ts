/**
 * How long a stream's links take.
 *
 * Invariant: of a link that both ends tell of, the longer is taken: neither end can make it look shorter than the other says.
 */
import type { StreamLink } from '../api/types';
import { count } from '../amounts';

/** How long a link takes, if an end says so. */
export function roundTripOf({ round_trip_by_a_us: a, round_trip_by_b_us: b }: StreamLink): number | null {
  return a === null ? b : b === null ? a : Math.max(a, b);
}

export interface Spread {
  told: number;
  p50_us: number;
  p99_us: number;
  most_us: number;
}

/** The middle one, the one that a hundredth exceed, and the longest (nearest rank); nothing if nobody says. */
export function spreadOf(links: StreamLink[]): Spread | null {
  const sorted = links.map(roundTripOf).filter((us) => us !== null);
  sorted.sort((a, b) => a - b);
  const rank = (percent: number) => sorted[Math.max(0, Math.ceil((sorted.length * percent) / 100) - 1)]!;
  return sorted.length > 0 ? { told: sorted.length, p50_us: rank(50), p99_us: rank(99), most_us: rank(100) } : null;
}

/** Microseconds as people read them. */
export function inMs(us: number): string {
  return us >= 10_000 ? `${count(Math.round(us / 1_000))} ms` : `${(us / 1_000).toFixed(us < 1_000 ? 2 : 1)} ms`;
}
