/** Bytes as people write them: a number and a unit. */

const SCALES: Record<string, bigint> = { MB: 10n ** 6n, GB: 10n ** 9n, TB: 10n ** 12n };

export const BYTE_UNITS: [string, string][] = Object.keys(SCALES).map((unit) => [unit, unit]);

/** The bytes; nothing if it is no number above zero with up to three decimals. */
export function parseBytes(text: string, unit: string): bigint | null {
  const match = /^(\d{1,9})(?:\.(\d{1,3}))?$/.exec(text.trim());
  const scale = SCALES[unit];
  if (!match || scale === undefined) return null;
  const bytes = (BigInt(match[1]! + (match[2] ?? '').padEnd(3, '0')) * scale) / 1000n;
  return bytes > 0n ? bytes : null;
}
