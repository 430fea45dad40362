import fc from 'fast-check';
import { expect, test } from 'vitest';
import { requirementOf } from '#rota/selection/requirement.js';

const few = fc.array(fc.constantFrom('a', 'b', 'a-b'), { maxLength: 3 });
const maybe = fc.option(fc.constantFrom('a', 'b'), { nil: undefined });
const demands = fc
  .record({ capabilities: few, roles: few, excludeAgents: few, assignee: maybe, from: maybe, isHandoff: fc.boolean() })
  .map(({ from, isHandoff, assignee, ...lists }) => ({
    ...lists,
    ...(assignee === undefined ? {} : { assignee }),
    ...(isHandoff ? { handoff: from === undefined ? {} : { fromAgent: from } } : {}),
  }));
type Demands = typeof demands extends fc.Arbitrary<infer T> ? T : never;

/** What is asked, with nothing that makes no difference. */
function asked({ capabilities, roles, excludeAgents, assignee, handoff }: Demands): unknown {
  const from = handoff?.fromAgent;
  const set = (values: readonly string[]) => [...new Set(values)].sort();
  const excluded = set(from === undefined ? excludeAgents : [...excludeAgents, from]);
  return [set(capabilities), set(roles), excluded, assignee, handoff !== undefined];
}

test('two tasks have the same key if and only if they ask for the same', () => {
  fc.assert(
    fc.property(demands, demands, (one, other) => {
      const isSame = JSON.stringify(asked(one)) === JSON.stringify(asked(other));
      expect(requirementOf(one).key === requirementOf(other).key).toBe(isSame);
    }),
    { numRuns: 5_000 },
  );
});

test('a task that asks for nothing shares one requirement with all others that do', () => {
  const nothing = { capabilities: [], roles: [], excludeAgents: [] };
  expect(requirementOf(nothing)).toBe(requirementOf({ ...nothing }));
  expect(requirementOf({ ...nothing, handoff: {} }).isHandoff).toBe(true);
});

test('whoever hands a task over is excluded', () => {
  const nothing = { capabilities: [], roles: [], excludeAgents: ['bob'] };
  expect(requirementOf({ ...nothing, handoff: { fromAgent: 'ann' } }).excludeAgents).toEqual(['ann', 'bob']);
});
