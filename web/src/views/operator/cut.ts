/** What is typed of a pool's cut, as actions; or why it is none. */
import type { Made } from '../../actions/made';

/** The contract takes no higher cut. */
const MOST_BPS = 5_000;

/** The parts of ten thousand in "12.5" per cent, exactly; nothing if it is no per cent from 0 to 50 with up to two decimals. */
export function parseCut(text: string): number | null {
  const match = /^(\d{1,2})(?:\.(\d{1,2}))?\s*%?$/.exec(text.trim());
  if (!match) return null;
  const bps = Number(match[1]) * 100 + Number((match[2] ?? '').padEnd(2, '0'));
  return bps <= MOST_BPS ? bps : null;
}

/** Making a pool, or giving one another cut. */
export function withCut(action: 'create_delegation_pool' | 'set_delegation_cut', operator: number, text: string): Made {
  const cut_bps = parseCut(text);
  if (cut_bps === null) return { action: null, why: 'Write a per cent from 0 to 50, such as 10 or 12.5.' };
  return { action: { action, operator, cut_bps }, why: null };
}
