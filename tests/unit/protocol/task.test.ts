import fc from 'fast-check';
import { expect, test } from 'vitest';
import { NodeSpecSchema, TaskSpecSchema, withoutDefaults } from '#rota/protocol/task.js';

const fields = fc.record(
  {
    workType: fc.constantFrom('default', 'build'),
    capabilities: fc.constantFrom([], ['sql']),
    roles: fc.constantFrom([], ['dba']),
    assignee: fc.constantFrom('ann', 'ben'),
    excludeAgents: fc.constantFrom([], ['ann']),
    strategy: fc.constantFrom('random', 'weighted'),
    embedding: fc.constantFrom([0], [0.5, 1]),
    priority: fc.constantFrom(3, 1),
    payload: fc.constantFrom(null, 0, false, '', [], {}, { a: [] }),
    maxAttempts: fc.constantFrom(3, 1),
    backoffMs: fc.constantFrom(1_000, 0),
    timeoutMs: fc.constantFrom(1_000, 5),
  },
  { requiredKeys: [] },
);

test('what goes without saying can be left out: the reader sees the same task', () => {
  fc.assert(
    fc.property(fields, fc.constantFrom([], ['before']), (task, dependsOn) => {
      const spec = TaskSpecSchema.parse({ id: 't', ...task });
      expect(TaskSpecSchema.parse(withoutDefaults(spec))).toEqual(spec);
      const node = NodeSpecSchema.parse({ key: 'k', pool: 'p', dependsOn, ...task });
      expect(NodeSpecSchema.parse(withoutDefaults(node))).toEqual(node);
    }),
  );
});

test('a plain task is its id alone', () => {
  expect(withoutDefaults(TaskSpecSchema.parse({ id: 't' }))).toEqual({ id: 't' });
});
