/**
 * A wallet's errors in our own words.
 *
 * Invariant: every one says whether something has changed, as far as it can be known.
 */

export type Kind =
  'rejected' | 'busy' | 'unauthorized' | 'unsupported' | 'disconnected' | 'unknown_chain' | 'no_gas' | 'nonce' | 'other';

export interface WalletError {
  kind: Kind;
  text: string;
}

const UNCHANGED = 'Nothing has changed.';

/** EIP-1193, EIP-1474, EIP-3326 and EIP-5792. */
const BY_CODE: Record<number, [Kind, string]> = {
  4001: ['rejected', `You rejected this in the wallet. ${UNCHANGED}`],
  5750: ['rejected', `You rejected the upgrade of your account that a batch needs. ${UNCHANGED}`],
  4100: ['unauthorized', `The wallet does not let this page use the account. Connect again. ${UNCHANGED}`],
  4900: ['disconnected', `The wallet has no connection to any chain. ${UNCHANGED}`],
  4901: ['disconnected', `The wallet has no connection to this chain. ${UNCHANGED}`],
  4902: ['unknown_chain', `The wallet does not know this chain. Add it in the wallet's settings, then try again. ${UNCHANGED}`],
  [-32002]: ['busy', `The wallet already waits for an answer from you: open its window. ${UNCHANGED}`],
  [-32005]: ['busy', `The wallet's endpoint takes no more requests just now. Try again in a minute. ${UNCHANGED}`],
};

const UNSUPPORTED = new Set([4200, -32601, -32004, 5700, 5710, 5740, 5760]);

/** Says what a failed request for `method` means. */
export function walletError(error: unknown, method: string): WalletError {
  const code = codeOf(error);
  const known = code === undefined ? undefined : BY_CODE[code];
  if (known) return { kind: known[0], text: known[1] };
  if (code !== undefined && UNSUPPORTED.has(code)) {
    return { kind: 'unsupported', text: `The wallet does not offer ${method}. ${UNCHANGED}` };
  }
  return byMessage(messageOf(error), method);
}

function byMessage(message: string, method: string): WalletError {
  if (/user (rejected|denied|cancel)/i.test(message)) return { kind: 'rejected', text: BY_CODE[4001]![1] };
  if (/insufficient funds|gas required exceeds/i.test(message)) {
    return { kind: 'no_gas', text: `The account has too little of the chain's coin to pay for gas. ${UNCHANGED}` };
  }
  if (/nonce too (low|high)|replacement transaction underpriced/i.test(message)) {
    return {
      kind: 'nonce',
      text: 'Another transaction of this account is under way with the same number. Wait for it, or reset the account’s history in the wallet.',
    };
  }
  if (/not supported|unsupported|does not exist|not available/i.test(message)) {
    return { kind: 'unsupported', text: `The wallet does not offer ${method}. ${UNCHANGED}` };
  }
  return { kind: 'other', text: `The wallet failed: ${sentence(message)} Look in the wallet whether something was sent.` };
}

function codeOf(error: unknown): number | undefined {
  const { code } = (error ?? {}) as { code?: unknown };
  return typeof code === 'number' ? code : undefined;
}

/** Wallets wrap the endpoint's words once or twice. */
function messageOf(error: unknown): string {
  const outer = (error ?? {}) as { message?: unknown; data?: { message?: unknown } };
  for (const text of [outer.data?.message, outer.message]) if (typeof text === 'string' && text) return text.slice(0, 300);
  return 'it gave no reason';
}

function sentence(text: string): string {
  return /[.!?]$/.test(text) ? text : `${text}.`;
}
