/** Operators as people list them. */

/** The API prepares no more claims at once. */
export const MOST_CLAIMS = 50;

/** The ids in "0, 2, 5-9", in order and each once; nothing if it is no such text or names more than `MOST_CLAIMS`. */
export function parseIds(text: string): number[] | null {
  const ids = new Set<number>();
  for (const part of text.split(/[\s,]+/).filter(Boolean)) {
    const match = /^(\d{1,9})(?:-(\d{1,9}))?$/.exec(part);
    if (!match) return null;
    const [first, last] = [Number(match[1]), Number(match[2] ?? match[1])];
    if (last < first || last - first >= MOST_CLAIMS) return null;
    for (let id = first; id <= last; id += 1) ids.add(id);
  }
  return ids.size > 0 && ids.size <= MOST_CLAIMS ? [...ids].sort((a, b) => a - b) : null;
}
