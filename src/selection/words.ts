/** How numbers and names are said in reasons, for people. */

export function slotsInWords(slots: number): string {
  return countInWords(slots, 'free slot', 'free slots');
}

/** One digit after the point at most. */
export function scoreInWords(score: number): string {
  return String(Math.round(score * 10) / 10);
}

const SECOND_MS = 1_000;
const MINUTE_MS = 60 * SECOND_MS;
const HOUR_MS = 60 * MINUTE_MS;

/** In the largest of seconds, minutes and hours that it is two of: `90 s`, `5 min`, `3 h`. */
export function spanInWords(ms: number): string {
  if (ms >= 2 * HOUR_MS) return `${Math.round(ms / HOUR_MS)} h`;
  if (ms >= 2 * MINUTE_MS) return `${Math.round(ms / MINUTE_MS)} min`;
  return `${Math.max(0, Math.round(ms / SECOND_MS))} s`;
}

export function countInWords(count: number, one: string, many: string): string {
  return `${count} ${count === 1 ? one : many}`;
}

/** Some of so many, by name: `dev-1, dev-2 and 3 others`. */
export function namesInWords(names: readonly string[], count: number): string {
  const more = count - names.length;
  return more > 0 ? `${names.join(', ')} and ${countInWords(more, 'other', 'others')}` : names.join(', ');
}

/** `capability sql` or `capabilities sql, ts`. */
export function labelsInWords(labels: readonly string[], one: string, many: string): string {
  return `${labels.length === 1 ? one : many} ${labels.join(', ')}`;
}
