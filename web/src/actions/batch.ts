/** Several calls as one, by EIP-5792. */
import type { ActionPlan, Hex, SendStep } from '../api/types';
import { hexOf, type Provider } from '../wallet/provider';
import { walletError, type Kind } from '../wallet/words';
import type { Clock } from './clock';

const EVERY_MS = 1_500;

export type BatchEnd =
  { is: 'sent'; hashes: Hex[] } | { is: 'failed'; text: string; kind: Kind | 'outcome' } | { is: 'unsupported' };

interface CallsStatus {
  status: number;
  receipts?: { transactionHash: Hex }[];
}

/** Sends the steps as a batch that succeeds or fails whole, and waits for its end. */
export async function sendBatch(
  provider: Provider,
  plan: ActionPlan,
  steps: SendStep[],
  clock: Clock,
  waiting: () => void,
): Promise<BatchEnd> {
  const method = 'wallet_sendCalls';
  const calls = steps.map((step) => ({ to: step.to, data: step.data, value: hexOf(step.value_wei) }));
  const request = { version: '2.0.0', from: plan.account, chainId: hexOf(plan.chain_id), atomicRequired: true, calls };
  let id: string;
  try {
    const answer = (await provider.request({ method, params: [request] })) as { id: string } | string;
    id = typeof answer === 'string' ? answer : answer.id;
  } catch (error) {
    const { kind, text } = walletError(error, method);
    return kind === 'unsupported' ? { is: 'unsupported' } : { is: 'failed', text, kind };
  }
  waiting();
  return end(provider, id, clock);
}

async function end(provider: Provider, id: string, clock: Clock): Promise<BatchEnd> {
  const method = 'wallet_getCallsStatus';
  for (;;) {
    let answer: CallsStatus;
    try {
      answer = (await provider.request({ method, params: [id] })) as CallsStatus;
    } catch (error) {
      const { text } = walletError(error, method);
      return {
        is: 'failed',
        kind: 'outcome',
        text: `${text.replace('Nothing has changed.', '').trim()} The batch was sent; the figures show what came of it.`,
      };
    }
    if (answer.status >= 200 && answer.status < 300) {
      return { is: 'sent', hashes: (answer.receipts ?? []).map((receipt) => receipt.transactionHash) };
    }
    if (answer.status >= 400) return { is: 'failed', kind: 'outcome', text: failure(answer.status) };
    await clock.sleep(EVERY_MS);
  }
}

function failure(status: number): string {
  if (status < 500) return 'The wallet did not get the batch onto the chain. Nothing has changed.';
  if (status < 600) return 'The contract refused the batch: it was undone as a whole.';
  return 'Only a part of the batch was carried out. The figures show what holds.';
}
