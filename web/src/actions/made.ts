/** What is typed, as an action; or why it is none. */
import { shortData, type Parsed } from '../amounts';
import type { Action } from '../api/types';

export type Made = { action: Action; why: null } | { action: null; why: string };

/** An action with some of what one's part is worth. */
export function ofPart(worthWei: string | undefined, amount: Parsed, action: Action): Made {
  if (!amount.ok) return { action: null, why: amount.why };
  const worth = BigInt(worthWei ?? '0');
  if (amount.wei > worth) return { action: null, why: `Your part is worth ${shortData(worth)} DATA.` };
  return { action: { ...action, amount_wei: amount.wei.toString() }, why: null };
}
