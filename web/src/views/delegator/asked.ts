/** What is typed of amounts in a pool, as actions; or why it is none. */
import { ofPart, type Made } from '../../actions/made';
import { shortData, type Parsed } from '../../amounts';
import type { DelegationPool } from '../../api/types';

/** A delegation. The pool's owner may have more room than others, so the contract has the last word about room. */
export function delegated(pool: DelegationPool, amount: Parsed): Made {
  if (!amount.ok) return { action: null, why: amount.why };
  const room = BigInt(pool.max_delegation_wei);
  const owner = pool.delegator?.account.toLowerCase() === pool.owner.toLowerCase();
  if (amount.wei > room && !owner) return { action: null, why: `There is room for ${shortData(room)} DATA.` };
  return { action: { action: 'delegate', operator: pool.operator, amount_wei: amount.wei.toString() }, why: null };
}

/** A request for some of it back. */
export function asked(pool: DelegationPool, amount: Parsed): Made {
  return ofPart(pool.delegator?.worth_wei, amount, { action: 'request_delegation', operator: pool.operator });
}
