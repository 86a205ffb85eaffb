/**
 * Asks the API of the same origin, and keeps when it last answered with the chain's state.
 *
 * Invariant: an error is a sentence for people; what is not understood is never shown as data.
 */
import type { AsOf } from './types';

/** An `application/problem+json`, or the absence of any answer (`status` 0). */
export class Problem extends Error {
  constructor(
    readonly status: number,
    readonly code: string,
    readonly title: string,
    detail: string,
  ) {
    super(detail);
  }
}

/** How long a request may take before there is no answer. */
const TIMEOUT_MS = 20_000;

export type Fetch = (input: string, init?: RequestInit) => Promise<Response>;

export interface Api {
  read<T>(path: string, signal?: AbortSignal): Promise<T>;
  post<T>(path: string, body: unknown): Promise<T>;
}

/** `seen` is told of every answer that says as of which block it is. */
export function connect(fetching: Fetch, seen: (asOf: AsOf) => void): Api {
  async function request<T>(path: string, init: RequestInit): Promise<T> {
    const response = await answer(fetching, path, init);
    const text = await response.text();
    const body = parse(text);
    if (!response.ok) throw problem(response, body);
    if (body === undefined)
      throw new Problem(response.status, 'no_json', 'No answer', `The server's answer to ${path} is no JSON.`);
    if (isRecord(body) && isRecord(body.as_of)) seen(body.as_of as unknown as AsOf);
    return body as T;
  }
  return {
    read: (path, signal) => request(path, signal ? { signal } : {}),
    post: (path, body) =>
      request(path, { method: 'POST', headers: { 'content-type': 'application/json' }, body: JSON.stringify(body) }),
  };
}

async function answer(fetching: Fetch, path: string, init: RequestInit): Promise<Response> {
  const late = AbortSignal.timeout(TIMEOUT_MS);
  const signal = init.signal ? AbortSignal.any([init.signal, late]) : late;
  try {
    return await fetching(path, { ...init, signal, headers: { accept: 'application/json', ...init.headers } });
  } catch (error) {
    if (init.signal?.aborted) throw error;
    const why = late.aborted ? `It did not answer within ${TIMEOUT_MS / 1000} seconds.` : 'It cannot be reached.';
    throw new Problem(0, 'unreachable', 'The server does not answer', why);
  }
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

function problem(response: Response, body: unknown): Problem {
  const { status } = response;
  const { code, title, detail } = isRecord(body) ? body : {};
  return new Problem(
    status,
    typeof code === 'string' ? code : `http_${status}`,
    typeof title === 'string' ? title : 'The server refused',
    typeof detail === 'string' ? detail : `The server answered with status ${status}.`,
  );
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
