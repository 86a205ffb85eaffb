/** Times and spans in words; `now` is an argument throughout. */

const STEPS: [number, string][] = [
  [86_400, 'd'],
  [3_600, 'h'],
  [60, 'min'],
  [1, 's'],
];

/** A span with its two largest units, such as "2 h 5 min". */
export function span(seconds: number): string {
  let left = Math.max(0, Math.floor(seconds));
  const parts: string[] = [];
  for (const [size, unit] of STEPS) {
    const whole = Math.floor(left / size);
    left -= whole * size;
    if (whole > 0 || (unit === 's' && parts.length === 0)) parts.push(`${whole} ${unit}`);
    else if (parts.length > 0) break;
    if (parts.length === 2) break;
  }
  return parts.join(' ');
}

/** A time on this machine's clock and calendar. */
export function date(time_s: number): string {
  return new Date(time_s * 1000).toLocaleString(undefined, { dateStyle: 'medium', timeStyle: 'short' });
}

/** As `date`, with seconds and without the day. */
export function clock(time_ms: number): string {
  return new Date(time_ms).toLocaleTimeString(undefined, { timeStyle: 'medium' });
}
