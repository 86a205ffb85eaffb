import { describe, expect, it } from 'vitest';
import { exactData, parseData, parsePositiveData, percent, share, shortBytes, shortData, shortNano } from '../src/amounts';

const wei = (text: string) => {
  const parsed = parseData(text);
  if (!parsed.ok) throw new Error(parsed.why);
  return parsed.wei;
};

describe('amounts', () => {
  it('are read to the wei, also beyond what numbers hold', () => {
    expect(wei('1')).toBe(10n ** 18n);
    expect(wei(' 0.000000000000000001 ')).toBe(1n);
    expect(wei('987654321987654321.123456789123456789')).toBe(987654321987654321123456789123456789n);
    expect(wei('.5')).toBe(5n * 10n ** 17n);
    expect(wei('5.')).toBe(5n * 10n ** 18n);
    expect(wei('007')).toBe(7n * 10n ** 18n);
  });

  it('come back from text as they went, for many values', () => {
    let value = 1n;
    for (let round = 0; round < 2_000; round += 1) {
      value = (value * 6_364_136_223_846_793_005n + 1_442_695_040_888_963_407n) % 2n ** 160n;
      expect(wei(exactData(value))).toBe(value);
    }
  });

  it.each(['', ' ', '.', '-1', '1e18', '0x10', '1,5', '1 000', '1.2.3', 'ten', '0.0000000000000000001', '9'.repeat(101)])(
    'are refused with words: %j',
    (text) => {
      const parsed = parseData(text);
      expect(parsed.ok).toBe(false);
      if (!parsed.ok) expect(parsed.why).toMatch(/\.|12\.5|1234\.5/);
    },
  );

  it('must be more than nothing where something is done with them', () => {
    expect(parsePositiveData('0.000').ok).toBe(false);
    expect(parsePositiveData('0.000000000000000001').ok).toBe(true);
  });

  it('are cut and never rounded up, and say that they were cut', () => {
    expect(shortData(1_999_999_999_999_999_999n)).toBe('1.999999…');
    expect(shortData(1_500_000n * 10n ** 18n)).toBe('1\u202f500\u202f000');
    expect(shortData(1n)).toBe('0.000000…');
    expect(shortData(0n)).toBe('0');
    expect(shortNano(123_456_789_012n)).toBe('123.456789…');
  });

  it('of bytes have three digits, cut', () => {
    expect(shortBytes(0n)).toBe('0 B');
    expect(shortBytes(999n)).toBe('999 B');
    expect(shortBytes(1_999n)).toBe('1.99 kB');
    expect(shortBytes(734_003_200n)).toBe('734 MB');
    expect(shortBytes(10n ** 15n)).toBe('1 PB');
    expect(shortBytes(123_456n * 10n ** 18n)).toBe('123\u202f456 EB');
  });

  it('in parts are exact as percent and never above all', () => {
    expect(percent(10_000_000)).toBe('1 %');
    expect(percent('12345')).toBe('0.0012345 %');
    expect(share(1n, 0n)).toBe(100);
    expect(share(0n, 0n)).toBe(0);
    expect(share(999n, 1000n)).toBe(99);
    expect(share(3000n, 1000n)).toBe(100);
  });
});
