/**
 * Figures that keep themselves up to date: read again when the chain moves, after own transactions, and now and then.
 *
 * Invariant: a figure that could not be read again stays, with the age that it has; `freshness` says when the API last told the
 * chain's state, and when that was last another than before: a server whose chain node is gone may go on telling what it knows.
 */
import { useEffect, useState } from 'preact/hooks';
import { connect, Problem } from './api/client';
import type { AsOf } from './api/types';

/** After so long without an answer there is no chain node. */
export const STALE_MS = 60_000;
/** How often figures are read again where no event says that the chain moved. */
const POLL_MS = 15_000;
/** Blocks come as fast as tests make them; figures need not. */
const PULSE_MS = 2_000;

export interface Freshness {
  answered_ms: number;
  moved_ms: number;
  head: AsOf | null;
}

class Signal<T> {
  private readonly listeners = new Set<() => void>();
  constructor(public value: T) {}
  set(value: T): void {
    this.value = value;
    for (const listener of this.listeners) listener();
  }
  subscribe(listener: () => void): () => void {
    this.listeners.add(listener);
    return () => this.listeners.delete(listener);
  }
}

const started_ms = Date.now();
const freshness = new Signal<Freshness>({ answered_ms: started_ms, moved_ms: started_ms, head: null });
const pulse = new Signal(0);

export const api = connect(
  (input, init) => fetch(input, init),
  (asOf) => {
    const { head, moved_ms } = freshness.value;
    const [now, moved] = [Date.now(), head?.hash !== asOf.hash && (head?.block ?? 0) <= asOf.block];
    freshness.set({ answered_ms: now, moved_ms: moved ? now : moved_ms, head: moved ? asOf : head });
  },
);

/** Has everything that is shown read again. */
export function refresh(): void {
  pulse.set(pulse.value + 1);
}

/** Listens to the chain for as long as the page is open. */
export function listen(): void {
  let due: number | undefined;
  const soon = () => {
    due ??= window.setTimeout(() => {
      due = undefined;
      if (document.visibilityState === 'visible') refresh();
    }, PULSE_MS);
  };
  const events = new EventSource('/v1/events');
  for (const name of ['head', 'epoch_opened', 'finalized']) events.addEventListener(name, soon);
  setInterval(() => document.visibilityState === 'visible' && refresh(), POLL_MS);
  document.addEventListener('visibilitychange', () => document.visibilityState === 'visible' && refresh());
}

function useSignal<T>(signal: Signal<T>): T {
  const [value, setValue] = useState(signal.value);
  useEffect(() => {
    setValue(signal.value);
    return signal.subscribe(() => setValue(signal.value));
  }, [signal]);
  return value;
}

/** When the chain was last heard of. */
export function useFreshness(): Freshness {
  return useSignal(freshness);
}

/** The time, again every `every_ms`. */
export function useNow(every_ms = 1_000): number {
  const [now, setNow] = useState(Date.now());
  useEffect(() => {
    const timer = setInterval(() => setNow(Date.now()), every_ms);
    return () => clearInterval(timer);
  }, [every_ms]);
  return now;
}

/** Reads now and at each pulse. One that comes while an answer is waited for reads again after it: a server slower than the pulse answers too. */
function atEachPulse(read: () => Promise<void>, gone: AbortSignal): () => void {
  let [reading, again] = [false, false];
  const next = async () => {
    again = true;
    if (reading) return;
    reading = true;
    while (again && !gone.aborted) {
      again = false;
      await read();
    }
    reading = false;
  };
  void next();
  return pulse.subscribe(() => void next());
}

export interface Loaded<T> {
  data: T | null;
  problem: Problem | null;
}

/** What stands at `path`; nothing is asked while it is null. */
export function useLoad<T>(path: string | null): Loaded<T> {
  const [loaded, setLoaded] = useState<Loaded<T> & { path: string | null }>({ path, data: null, problem: null });
  useEffect(() => {
    if (path === null) return undefined;
    const gone = new AbortController();
    const read = () =>
      api.read<T>(path, gone.signal).then(
        (data) => setLoaded({ path, data, problem: null }),
        (problem: unknown) => {
          if (gone.signal.aborted) return;
          const shown = problem instanceof Problem ? problem : new Problem(0, 'failed', 'This page failed', String(problem));
          setLoaded((before) => ({ path, data: before.path === path ? before.data : null, problem: shown }));
        },
      );
    const stop = atEachPulse(read, gone.signal);
    return () => {
      stop();
      gone.abort();
    };
  }, [path]);
  // What was read for another path is no answer to this one.
  return loaded.path === path ? loaded : { data: null, problem: null };
}
