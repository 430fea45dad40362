import { expect, test } from 'vitest';
import { viewsOf } from '#rota/selection/threads/agent-views.js';
import { jobOf } from '../../../support/score-jobs.js';

/** Two agents far apart, so that bits and columns beyond the first word are read. */
const agents = Array.from({ length: 80 }, (_, index) => (index === 70 ? ann() : {}));

function ann() {
  return {
    id: 'ann_'.repeat(16),
    load: 3,
    recentLoad: 2,
    maxConcurrency: 4,
    successes: 9,
    failures: 1,
    lastMs: 400,
    isSpecialist: true,
    capabilities: ['sql', 'go'],
    roles: ['dba'],
    specializations: ['review'],
    embedding: [1, 2, 3],
  };
}

test('a view says what the columns say', () => {
  const { task, agents: views } = viewsOf(jobOf(agents, { candidates: [5, 70], monoMs: 1_000 }));
  expect(task).toEqual({ pool: 'dev', id: 't-1', workType: 'review', priority: 3, attempt: 1, capabilities: [] });
  expect(views.map(valuesOf)).toEqual([
    {
      id: 'agent-5',
      index: 5,
      load: 0,
      recentLoad: 0,
      maxConcurrency: 1,
      freeSlots: 1,
      successes: 0,
      failures: 0,
      lastExecutionAgoMs: Number.POSITIVE_INFINITY,
      isSpecialist: false,
      capabilities: [],
      roles: [],
      specializations: [],
      embedding: undefined,
    },
    {
      id: 'ann_'.repeat(16),
      index: 70,
      load: 3,
      recentLoad: 2,
      maxConcurrency: 4,
      freeSlots: 1,
      successes: 9,
      failures: 1,
      lastExecutionAgoMs: 600,
      isSpecialist: true,
      capabilities: ['sql', 'go'],
      roles: ['dba'],
      specializations: ['review'],
      embedding: [1, 2, 3],
    },
  ]);
});

test('where a pool knows nothing of work types, labels and embeddings, a view says so', () => {
  const { performance: _1, specialists: _2, labels: _3, embeddings: _4, ...bare } = jobOf([ann()]);
  const [view] = viewsOf(bare).agents.map(valuesOf);
  expect(view).toMatchObject({
    successes: 0,
    failures: 0,
    lastExecutionAgoMs: Number.POSITIVE_INFINITY,
    isSpecialist: false,
    capabilities: [],
    embedding: undefined,
  });
});

test('an agent that holds more than it works on has no slot free', () => {
  const [view] = viewsOf(jobOf([{ load: 3, maxConcurrency: 2 }])).agents;
  expect(view?.freeSlots).toBe(0);
});

test('a view reads when it is asked', () => {
  const job = jobOf([{}]);
  const [view] = viewsOf(job).agents;
  job.agents.loads[0] = 5;
  expect(view?.load).toBe(5);
});

function valuesOf(view: ReturnType<typeof viewsOf>['agents'][number]) {
  const { id, index, load, recentLoad, maxConcurrency, freeSlots, successes, failures } = view;
  const { lastExecutionAgoMs, isSpecialist, capabilities, roles, specializations } = view;
  const embedding = view.embedding && [...view.embedding];
  return {
    ...{ id, index, load, recentLoad, maxConcurrency, freeSlots, successes, failures },
    ...{ lastExecutionAgoMs, isSpecialist, capabilities, roles, specializations, embedding },
  };
}
