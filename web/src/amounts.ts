/**
 * Amounts between text, wei and what people read.
 *
 * Invariant: all arithmetic is on integers. What is shown shorter than it is, is cut and never rounded up, so nobody is shown more than
 * there is, and it ends with "…".
 */

/** Wei of one DATA. */
export const WEI = 10n ** 18n;
const WEI_DIGITS = 18;
const NANO_DIGITS = 9;
/** Digits behind the point that are shown where there are more. */
const SHOWN_DIGITS = 6;
/** No balance of a token is longer: 2^256 has 78 digits. */
const LONGEST = 100;

export type Parsed = { ok: true; wei: bigint } | { ok: false; why: string };

/** The wei of a decimal text such as "12.5", exactly; refuses what has no exact value. */
export function parseData(text: string): Parsed {
  const trimmed = text.trim();
  if (trimmed === '') return { ok: false, why: 'Enter an amount.' };
  if (trimmed.length > LONGEST) return { ok: false, why: 'This is longer than any amount.' };
  if (trimmed.includes(',')) return { ok: false, why: 'Write the amount without commas, with a point before decimals: 1234.5' };
  const match = /^(\d*)(?:\.(\d*))?$/.exec(trimmed);
  const [whole, decimals] = [match?.[1] ?? '', match?.[2] ?? ''];
  if (!match || whole + decimals === '') return { ok: false, why: `“${trimmed}” is no amount. Write digits, such as 12.5` };
  if (decimals.length > WEI_DIGITS) return { ok: false, why: `DATA has ${WEI_DIGITS} decimals, this has ${decimals.length}.` };
  return { ok: true, wei: BigInt(whole || '0') * WEI + BigInt(decimals.padEnd(WEI_DIGITS, '0')) };
}

/** As `parseData`, but more than nothing. */
export function parsePositiveData(text: string): Parsed {
  const parsed = parseData(text);
  return parsed.ok && parsed.wei === 0n ? { ok: false, why: 'The amount must be more than 0.' } : parsed;
}

/** All digits of an amount in wei, without separators: what `parseData` reads back. */
export function exactData(wei: bigint): string {
  return decimal(wei, WEI_DIGITS, WEI_DIGITS).text;
}

/** An amount in wei for people, and whether digits were cut. */
export function shortData(wei: bigint): string {
  return grouped(decimal(wei, WEI_DIGITS, SHOWN_DIGITS));
}

/** An amount in nano for people. */
export function shortNano(nano: bigint): string {
  return grouped(decimal(nano, NANO_DIGITS, SHOWN_DIGITS));
}

/** All digits of an amount in nano. */
export function exactNano(nano: bigint): string {
  return decimal(nano, NANO_DIGITS, NANO_DIGITS).text;
}

const UNITS = ['B', 'kB', 'MB', 'GB', 'TB', 'PB', 'EB'];

/** Bytes in decimal units with three digits, cut. */
export function shortBytes(bytes: bigint): string {
  let [unit, scale] = [0, 1n];
  while (unit + 1 < UNITS.length && bytes >= scale * 1000n) [unit, scale] = [unit + 1, scale * 1000n];
  if (unit === 0) return `${bytes} B`;
  const whole = bytes / scale;
  const digits = Math.max(0, 3 - whole.toString().length);
  const fraction = ((bytes % scale) * 10n ** BigInt(digits)) / scale;
  const text = digits === 0 ? `${whole}` : `${whole}.${fraction.toString().padStart(digits, '0')}`.replace(/\.?0+$/, '');
  return `${group(text)} ${UNITS[unit]}`;
}

/** An integer with its thousands apart. */
export function count(value: bigint | number | string): string {
  return group(BigInt(value).toString());
}

/** Parts per billion as percent, exactly. */
export function percent(ppb: number | string): string {
  return `${decimal(BigInt(ppb), 7, 7).text} %`;
}

/** Parts of ten thousand as percent, exactly. */
export function percentOfBps(bps: number): string {
  return `${decimal(BigInt(bps), 2, 2).text} %`;
}

/** How much of `of` is used, in whole percent, at most 100, cut. */
export function share(used: bigint, of: bigint): number {
  if (of <= 0n) return used > 0n ? 100 : 0;
  const whole = Number((used * 100n) / of);
  return Math.min(100, whole);
}

function decimal(value: bigint, digits: number, shown: number): { text: string; cut: boolean } {
  const sign = value < 0n ? '-' : '';
  const text = (value < 0n ? -value : value).toString().padStart(digits + 1, '0');
  const [whole, all] = [text.slice(0, -digits), text.slice(-digits).replace(/0+$/, '')];
  const decimals = all.slice(0, shown);
  return { text: sign + whole + (decimals ? `.${decimals}` : ''), cut: all.length > shown };
}

function grouped({ text, cut }: { text: string; cut: boolean }): string {
  return group(text) + (cut ? '…' : '');
}

/** Thousands stand apart by thin spaces that do not break. */
function group(text: string): string {
  const [whole = '', decimals] = text.split('.');
  const apart = whole.replace(/\B(?=(\d{3})+(?!\d))/g, '\u202f');
  return decimals === undefined ? apart : `${apart}.${decimals}`;
}
