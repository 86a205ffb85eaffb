/** Asks the worker whether a proof holds (`crates/verifier`). */
import type { Hex } from '../api/types';

export interface Level {
  level: number;
  side: 'left' | 'right';
  beside: Hex;
  beside_nano: string;
  word: Hex;
  sum_nano: string;
}

export interface Trace {
  leaf: Hex;
  levels: Level[];
  leads_to: Hex | null;
}

export type Difference =
  { place: 'field'; name: string } | { place: 'level'; level: number } | { place: 'length'; expected: number; got: number };

export type Answer =
  | { verdict: 'holds'; trace: Trace; differences: Difference[] }
  | { verdict: 'wrong'; reason: string; detail: string; trace: Trace; differences: Difference[] }
  | { verdict: 'unreadable'; detail: string };

export interface Question {
  proof: string;
  root: Hex | null;
  reference: string | null;
}

const waiting = new Map<number, { done: (answer: Answer) => void; failed: (error: Error) => void }>();
let worker: Worker | undefined;
let asked = 0;

export function verify(question: Question): Promise<Answer> {
  worker ??= start();
  asked += 1;
  const id = asked;
  return new Promise((done, failed) => {
    waiting.set(id, { done, failed });
    worker?.postMessage({ id, question: JSON.stringify(question) });
  });
}

function start(): Worker {
  const started = new Worker(new URL('./worker.ts', import.meta.url), { type: 'module' });
  started.addEventListener('message', ({ data }: MessageEvent<{ id: number; answer?: string; error?: string }>) => {
    const asker = waiting.get(data.id);
    waiting.delete(data.id);
    if (data.answer !== undefined) asker?.done(JSON.parse(data.answer) as Answer);
    else asker?.failed(new Error(data.error));
  });
  started.addEventListener('error', () => {
    for (const { failed } of waiting.values()) failed(new Error('the browser did not start the verifier'));
    waiting.clear();
    worker = undefined;
  });
  return started;
}
