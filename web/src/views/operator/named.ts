/** What is typed of an operator's name and of who may take it over, as actions; or why it is none. */
import type { Made } from '../../actions/made';
import type { Hex } from '../../api/types';
import { isAddress } from '../../wallet/provider';

/** An offer to this address takes one back. */
export const NOBODY: Hex = `0x${'0'.repeat(40)}`;
/** The API takes no longer names. */
const MOST_BYTES = 256;

export function renamed(operator: number, text: string): Made {
  const metadata = text.trim();
  const bytes = new TextEncoder().encode(metadata).length;
  if (bytes > MOST_BYTES) return { action: null, why: `A name has at most ${MOST_BYTES} bytes; this has ${bytes}.` };
  return { action: { action: 'rename_operator', operator, metadata }, why: null };
}

export function offered(operator: number, owner: Hex, text: string): Made {
  const candidate = text.trim().toLowerCase();
  if (!isAddress(candidate) || candidate === NOBODY) return { action: null, why: 'An address is 0x and 40 hexadecimal digits.' };
  if (candidate === owner.toLowerCase()) return { action: null, why: 'It is this account’s already.' };
  return { action: { action: 'offer_operator', operator, candidate }, why: null };
}
