/** No pause between two attempts is longer. */
const BACKOFF_MS_MAX = 10 * 60_000;

/**
 * The pause after attempt `attempt` (1 for the first): `baseMs` doubled with each attempt, of which a
 * random half is jitter, so that tasks that failed together don't come back together.
 *
 * @param random in [0, 1)
 */
export function backoffMs(baseMs: number, attempt: number, random: number): number {
  const full = Math.min(baseMs * 2 ** (attempt - 1), BACKOFF_MS_MAX);
  return Math.round(full * (0.5 + random / 2));
}
