import { hasWildcard, matches } from './subject.js';

interface Route<T> {
  readonly pattern: string;
  readonly queue: string | undefined;
  readonly target: T;
}

/**
 * Who gets a message: the subscriptions of one in-process broker.
 *
 * - Literal subjects are found by a map, so that their number costs nothing; wildcards are scanned and
 *   should be few.
 * - A queue group is all routes of one queue name that match the subject. Its members take turns.
 */
export interface Routes<T> {
  add(pattern: string, queue: string | undefined, target: T): () => void;
  /** Calls `visit` for each receiver of a message to `subject`; answers how many there were. */
  select(subject: string, visit: (target: T) => void): number;
}

export function createRoutes<T>(): Routes<T> {
  const literals = new Map<string, Set<Route<T>>>();
  const wildcards = new Set<Route<T>>();
  const turns = new Map<string, number>();

  /** The member whose turn it is. */
  const takeTurn = (queue: string, members: readonly Route<T>[]): Route<T> | undefined => {
    const turn = turns.get(queue) ?? 0;
    turns.set(queue, turn + 1);
    return members[turn % members.length];
  };

  return {
    add(pattern, queue, target) {
      const route = { pattern, queue, target };
      if (hasWildcard(pattern)) {
        wildcards.add(route);
        return () => void wildcards.delete(route);
      }
      const sharing = literals.get(pattern) ?? new Set();
      literals.set(pattern, sharing.add(route));
      return () => {
        sharing.delete(route);
        if (sharing.size === 0 && literals.get(pattern) === sharing) literals.delete(pattern);
      };
    },

    select(subject, visit) {
      let count = 0;
      let groups: Map<string, Route<T>[]> | undefined;
      const consider = (route: Route<T>): void => {
        if (route.queue === undefined) {
          count += 1;
          visit(route.target);
          return;
        }
        groups ??= new Map();
        const members = groups.get(route.queue);
        if (members === undefined) groups.set(route.queue, [route]);
        else members.push(route);
      };

      for (const route of literals.get(subject) ?? []) consider(route);
      for (const route of wildcards) if (matches(route.pattern, subject)) consider(route);
      for (const [queue, members] of groups ?? []) {
        const chosen = takeTurn(queue, members);
        if (chosen === undefined) continue;
        count += 1;
        visit(chosen.target);
      }
      return count;
    },
  };
}
