/**
 * Follows a transaction until it is known what became of it.
 *
 * Invariant: it ends with one of five outcomes. "Unknown" is none of them until the chain has not known the transaction for
 * `PATIENCE_MS`, for a wallet may send a moment after it gave the hash.
 */
import { Problem, type Api } from '../api/client';
import type { Hex, Transaction } from '../api/types';
import { sentence } from '../words';
import type { Clock } from './clock';

const EVERY_MS = 1_500;
/** How long a transaction may be unknown to the chain's node. */
export const PATIENCE_MS = 90_000;

export type Outcome =
  { is: 'succeeded' } | { is: 'reverted'; reason: string } | { is: 'replaced' } | { is: 'dropped'; wasPending: boolean };

export async function follow(
  api: Api,
  hash: Hex,
  clock: Clock,
  report: (transaction: Transaction | 'no_answer') => void,
): Promise<Outcome> {
  let [lastKnown, wasPending] = [clock.now(), false];
  for (;;) {
    const transaction = await state(api, hash);
    report(transaction ?? 'no_answer');
    // Without an answer nothing is known, so patience does not run out meanwhile.
    if (!transaction) lastKnown = clock.now();
    switch (transaction?.state) {
      case 'succeeded':
        return { is: 'succeeded' };
      case 'reverted':
        return { is: 'reverted', reason: transaction.reason ?? 'The contract gave no reason.' };
      case 'replaced':
        return { is: 'replaced' };
      case 'pending':
        [lastKnown, wasPending] = [clock.now(), true];
        break;
      default:
        if (clock.now() - lastKnown > PATIENCE_MS) return { is: 'dropped', wasPending };
    }
    await clock.sleep(EVERY_MS);
  }
}

async function state(api: Api, hash: Hex): Promise<Transaction | undefined> {
  try {
    return await api.read<Transaction>(`/v1/transactions/${hash}`);
  } catch (error) {
    // Server and endpoint may be away for a while; the transaction goes on without them.
    if (error instanceof Problem && (error.status === 0 || error.status >= 500 || error.status === 429)) return undefined;
    throw error;
  }
}

/** What an outcome means, for people. */
export function outcomeWords(outcome: Outcome): string {
  switch (outcome.is) {
    case 'succeeded':
      return 'Done.';
    case 'reverted':
      return `The contract refused it, and took the gas: ${sentence(outcome.reason)}`;
    case 'replaced':
      return 'Another transaction with the same number took its place: it was sped up or cancelled in the wallet. The figures show what holds.';
    case 'dropped':
      return outcome.wasPending
        ? 'The chain no longer knows the transaction: it was dropped. Nothing has changed; the wallet may still send it again.'
        : 'The chain does not know the transaction. Nothing has changed so far; look in the wallet whether it was sent.';
  }
}

/** The same of a transaction that the server sent and pays for: none of it was the user's gas, and no wallet knows it. */
export function paidOutcomeWords(outcome: Outcome): string {
  switch (outcome.is) {
    case 'succeeded':
      return 'Done.';
    case 'reverted':
      return `The contract refused it, at the server’s cost: ${sentence(outcome.reason)} Nothing of yours has changed; you can pay for the gas yourself.`;
    case 'replaced':
      return 'Another transaction of the server took its place. The figures show what holds.';
    case 'dropped':
      return 'The chain does not know the transaction by now. The server hands it over again; the figures will show it.';
  }
}
