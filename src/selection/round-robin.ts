import type { Strategy } from './strategy.js';

/**
 * The next free agent after the one served last. An agent that joins or leaves moves nobody else's
 * turn, because the rotation remembers a place, not a position in a list that changes.
 */
export const roundRobin: Strategy = {
  name: 'round-robin',
  pick(roster, requirement, cursor) {
    const member = roster.next(requirement, cursor);
    if (member === undefined) return undefined;
    const candidates = roster.countAvailable(requirement);
    const last = roster.at(cursor);
    const whom = candidates === 1 ? 'the only free agent' : `next in turn of ${candidates} free agents`;
    const after = last === undefined || last === member ? '' : `, after ${last.id}`;
    return { member, cursor: member.index, candidates, reason: `${whom}${candidates === 1 ? '' : after}` };
  },
};
