import { describe, expect, it } from 'vitest';
import { parseDocument } from '#rota/config/document.js';
import { OrchestrationSpecSchema } from '#rota/protocol/task.js';
import { checkGraph } from '#rota/workflow/graph.js';
import { OrchestrationFileSchema, toOrchestration } from '#rota/workflow/orchestration-file.js';
import { checkPools } from '#rota/workflow/pools.js';

const read = (text: string) => parseDocument('p.yaml', text, OrchestrationFileSchema);

describe('an orchestration file', () => {
  it('becomes an orchestration, whose tasks say more than its defaults, and those more than the wire', () => {
    const { value } = read(`
name: demo
defaults: {maxAttempts: 5, backoffMs: 0, priority: 2}
tasks:
  a: {pool: p, payload: {n: 1}, priority: 1}
  b: {pool: q, dependsOn: [a], workType: build, capabilities: [x], timeoutMs: 9}`);
    const orchestration = toOrchestration(value, 'run-1');
    expect(orchestration).toEqual({
      id: 'run-1',
      name: 'demo',
      tasks: [
        { key: 'a', pool: 'p', payload: { n: 1 }, maxAttempts: 5, backoffMs: 0, priority: 1 },
        {
          ...{ key: 'b', pool: 'q', dependsOn: ['a'], workType: 'build', capabilities: ['x'], timeoutMs: 9 },
          ...{ maxAttempts: 5, backoffMs: 0, priority: 2 },
        },
      ],
    });
    expect(OrchestrationSpecSchema.parse(orchestration).tasks[0]).toMatchObject({ dependsOn: [], workType: 'default' });
  });

  it('says how agents are picked, for all of it or for one task', () => {
    const { value } = read(`
name: demo
strategy: least-loaded
defaults: {strategy: random}
tasks:
  a: {pool: p, strategy: weighted, roles: [lead, admin], excludeAgents: [p-9], embedding: [1, 0]}
  b: {pool: p, assignee: p-1}`);
    expect(OrchestrationSpecSchema.parse(toOrchestration(value, 'run-1'))).toMatchObject({
      strategy: 'least-loaded',
      tasks: [
        { strategy: 'weighted', roles: ['lead', 'admin'], excludeAgents: ['p-9'], embedding: [1, 0] },
        { strategy: 'random', assignee: 'p-1' },
      ],
    });
  });

  it.each([
    [
      'name: x\nstrategy: fastest\ntasks: {a: {pool: p}}',
      '2:11: strategy is "fastest": expected one of the known values.',
    ],
    ['name: x\ntasks: {}', '2:8: tasks is a map: expected at least one task.'],
    ['name: x', '1:1: tasks is missing: expected a map of keys and values.'],
    [
      'name: x\ndefaults: {retries: 1}\ntasks: {a: {pool: p}}',
      '2:12: defaults.retries: this key is not known. Known here: workType, strategy, priority, maxAttempts',
    ],
    ['name: x\ntasks: {a: {pool: p, maxAttemps: 2}}', 'Did you mean "maxAttempts"?'],
    ['name: x\ntasks: {a: {pool: p, maxAttempts: 26}}', 'tasks.a.maxAttempts is 26: expected at most 25.'],
  ])('is refused: %j', (text, message) => {
    expect(() => read(text)).toThrow(message);
  });
});

describe('problems that the schema cannot see', () => {
  const text = `name: demo
tasks:
  fetch: {pool: fetchers}
  clean:
    pool: cleanrs
    dependsOn:
      - fetch
      - fetsh
  report:
    pool: fetchers
    capabilities: [csv, pdf]
`;
  const agents = [
    { id: 'f-1', pool: 'fetchers', capabilities: ['csv'], roles: [] },
    { id: 'f-2', pool: 'fetchers', capabilities: ['pdf'], roles: ['lead'] },
    { id: 'c-1', pool: 'cleaners', capabilities: [], roles: [] },
  ];

  it('have line and column in the file, and all come at once', () => {
    const document = read(text);
    const { tasks } = toOrchestration(document.value, 'run-1');
    expect(() => document.refuse([...checkGraph(tasks), ...checkPools(tasks, agents)])).toThrow(
      [
        'p.yaml:5:11: tasks.clean.pool is "cleanrs": no agent serves this pool. Did you mean "cleaners"? Known here: fetchers, cleaners. Correct the pool, or add an agent for it to the agents file.',
        'p.yaml:8:9: tasks.clean.dependsOn[1] is "fetsh": no task has this key. Did you mean "fetch"? Known here: fetch, clean, report.',
        'p.yaml:11:19: tasks.report.capabilities is a list: no agent of the pool fetchers has all of csv, pdf (f-1 has csv; f-2 has pdf). Add the capabilities to one agent of the agents file, or remove them from the task.',
        '3 problems. Correct the file.',
      ].join('\n'),
    );
  });

  it.each([
    [{ assignee: 'f-3' }, 'assignee', 'no agent of the pool fetchers has this id'],
    [{ assignee: 'c-1' }, 'assignee', 'no agent of the pool fetchers has this id'],
    [{ excludeAgents: ['f-1', 'f-2'] }, 'excludeAgents', 'no agent is left that may take the task'],
    [{ assignee: 'f-1', excludeAgents: ['f-1'] }, 'excludeAgents', 'no agent is left that may take the task'],
    [{ roles: ['admin'] }, 'roles', 'has one of admin (f-1 has none; f-2 has lead)'],
    [{ roles: ['lead'], capabilities: ['csv'] }, 'roles', 'has one of lead (f-1 has none)'],
    [{ assignee: 'f-2', capabilities: ['csv'] }, 'capabilities', 'has all of csv (f-2 has pdf)'],
  ])('are found for %j', (asks, field, message) => {
    const [problem, ...more] = checkPools([{ key: 'a', pool: 'fetchers', ...asks }], agents);
    expect(more).toEqual([]);
    expect(problem?.path).toEqual(['tasks', 'a', field]);
    expect(problem?.problem).toContain(message);
  });

  it('are none where an agent has one of the roles', () => {
    const node = { key: 'a', pool: 'fetchers', roles: ['admin', 'lead'], assignee: 'f-2', excludeAgents: ['f-1'] };
    expect(checkPools([node], agents)).toEqual([]);
  });

  it('are none when one agent of the pool has all capabilities', () => {
    const able = { id: 'f-3', pool: 'fetchers', capabilities: ['pdf', 'x', 'csv'], roles: [] };
    const nodes = [
      { key: 'a', pool: 'fetchers', capabilities: ['csv', 'pdf'] },
      { key: 'b', pool: 'cleaners' },
    ];
    expect(checkPools(nodes, [...agents, able])).toEqual([]);
  });

  it('stay short in a large pool', () => {
    const many = Array.from({ length: 50 }, (_, i) => ({ id: `a-${i}`, pool: 'p', capabilities: [], roles: [] }));
    const [problem] = checkPools([{ key: 'a', pool: 'p', capabilities: ['x'] }], many);
    expect(problem?.problem).toContain('a-7 has none; 42 more agents');
  });
});
