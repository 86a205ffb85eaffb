/** A wallet, an API and a clock that follow a script, for tests of the flow. */
import type { Api } from '../src/api/client';
import type { Flow, Stage } from '../src/actions/flow';
import type { ActionPlan, Hex, Transaction } from '../src/api/types';
import type { Provider } from '../src/wallet/provider';

export const ACCOUNT: Hex = '0x70997970c51812dc3a010c7d01b50e0d17dc79c8';
export const POOL: Hex = '0x5fbdb2315678afecb367f032d93f642f64180aa3';
export const CHAIN = 31337;
const AS_OF = { block: 1, hash: '0x00' as Hex, time_s: 0, finalized: false };

type Answer = unknown | ((params: unknown[]) => unknown);

/** Answers by method: a value, or a list of values in turn, or a function; whatever is an `Error` or has a `code` is thrown. */
export class ScriptedWallet implements Provider {
  readonly calls: { method: string; params: unknown[] }[] = [];
  constructor(private readonly script: Record<string, Answer>) {}

  async request({ method, params }: { method: string; params?: unknown }): Promise<unknown> {
    const list = (params ?? []) as unknown[];
    this.calls.push({ method, params: list });
    const standard: Record<string, Answer> = { eth_chainId: '0x7a69', eth_accounts: [ACCOUNT] };
    const known = method in this.script ? this.script[method] : standard[method];
    if (known === undefined) throw { code: 4200, message: 'not supported' };
    const answer = known instanceof Turns ? known.next() : typeof known === 'function' ? known(list) : known;
    if (answer instanceof Error || (typeof answer === 'object' && answer !== null && 'code' in answer)) throw answer;
    return answer;
  }

  of(method: string): unknown[][] {
    return this.calls.filter((call) => call.method === method).map((call) => call.params);
  }
}

/** Answers in turn; the last one stays. */
export class Turns {
  constructor(private readonly answers: unknown[]) {}
  next(): unknown {
    return this.answers.length > 1 ? this.answers.shift() : this.answers[0];
  }
}

export const send = (label: string, refused: string | null = null): ActionPlan['steps'][number] => ({
  kind: 'send',
  label,
  to: POOL,
  data: '0x1234',
  value_wei: '0',
  gas: '90000',
  refused,
});

export const sign = (deadline: number): ActionPlan['steps'][number] => ({
  kind: 'sign',
  label: 'let the stake pool take the amount, once',
  answer: 'permit',
  typed_data: { domain: {}, types: {}, primaryType: 'Permit', message: { deadline: `${deadline}` } },
});

export const plan = (...steps: ActionPlan['steps']): ActionPlan => ({
  as_of: AS_OF,
  chain_id: CHAIN,
  account: ACCOUNT,
  warnings: [],
  steps,
});

interface World {
  wallet: ScriptedWallet;
  plans: (body: Record<string, unknown>) => ActionPlan | Error;
  /** What the server answers who wants the gas paid. */
  relay?: (body: Record<string, unknown>) => { hash: Hex } | Error;
  states?: (Partial<Transaction> | Error)[];
  agree?: boolean;
}

export interface Watched {
  flow: Flow;
  stages: Stage[];
  asked: Record<string, unknown>[];
  notes: string[];
  agreedTo: string[][];
}

export function watch({ wallet, plans, relay, states = [{ state: 'succeeded' }], agree = true }: World): Watched {
  const [stages, asked, notes, agreedTo]: [Stage[], Record<string, unknown>[], string[], string[][]] = [[], [], [], []];
  const turns = new Turns(states);
  let now = 1_000_000;
  const api: Api = {
    async post<T>(path: string, body: unknown): Promise<T> {
      asked.push(body as Record<string, unknown>);
      const answers = path === '/v1/relay' ? relay! : plans;
      const answer = answers(body as Record<string, unknown>);
      if (answer instanceof Error) throw answer;
      return answer as T;
    },
    async read<T>(path: string): Promise<T> {
      const state = turns.next();
      if (state instanceof Error) throw state;
      return {
        as_of: AS_OF,
        hash: path.split('/').pop(),
        block: null,
        confirmations: 1,
        reason: null,
        ...(state as object),
      } as T;
    },
  };
  const flow: Flow = {
    api,
    provider: wallet,
    clock: {
      now: () => now,
      sleep: async (time_ms) => {
        now += time_ms;
      },
    },
    report: (stage) => stages.push(stage),
    note: (warnings) => notes.push(...warnings),
    agree: async (warnings) => {
      agreedTo.push(warnings);
      return agree;
    },
  };
  return { flow, stages, asked, notes, agreedTo };
}
