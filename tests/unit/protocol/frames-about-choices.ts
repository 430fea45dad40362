import { DIFFICULTIES } from '#rota/protocol/agent.js';
import { EXCLUSIONS, FALLBACKS, GIVEN_SCORES } from '#rota/protocol/decision.js';
import * as frames from '#rota/protocol/frames.js';
import { LIMITS } from '#rota/protocol/limits.js';
import { STRATEGIES } from '#rota/protocol/policy.js';
import { TASK_STATUSES } from '#rota/protocol/task.js';
import {
  atLeast,
  type Bound,
  bool,
  type FrameCase,
  instant,
  integer,
  items,
  label,
  longText,
  name,
  nonNegative,
  oneOf,
  type Path,
  text,
  version,
} from './frame-bounds.js';

const decision = {
  taskId: 't',
  token: 1,
  attempt: 1,
  workType: 'w',
  pool: 'p',
  agentId: 'a',
  atMs: 0,
  strategy: 'weighted',
  policyVersion: 'v',
  reason: 'r',
  candidates: 1,
  excluded: {},
  successRatePercent: 50,
  specializationMatch: false,
  recentContextMatch: false,
  retried: false,
  latencyMs: 0,
};
const decisionBounds = (...at: Path): Bound[] => [
  ...['taskId', 'pool', 'agentId'].map((field) => name(...at, field)),
  ...['token', 'attempt'].map((field) => atLeast(1, ...at, field)),
  ...['specializationMatch', 'recentContextMatch', 'retried'].map((field) => bool(...at, field)),
  label(...at, 'workType'),
  instant(...at, 'atMs'),
  oneOf(STRATEGIES, ...at, 'strategy'),
  longText(LIMITS.nameChars, ...at, 'policyVersion'),
  text(...at, 'reason'),
  atLeast(0, ...at, 'candidates'),
  atLeast(0, ...at, 'excluded', 'busy'),
  { at: [...at, 'excluded'], takes: EXCLUSIONS.map((one) => ({ [one]: 1 })), refuses: [[], null] },
  { at: [...at, 'probability'], takes: [0, 0.5, 1], refuses: [-0.1, 1.1, '1', null] },
  integer(0, 2 ** 32 - 1, ...at, 'seed'),
  longText(1_024, ...at, 'scorer'),
  integer(0, 100, ...at, 'successRatePercent'),
  nonNegative(...at, 'latencyMs'),
];

const scored = {
  ...decision,
  score: 87.5,
  scoreParts: { context: 30, success: 36, specialization: 20, load: 1.5 },
  fallback: { kind: 'window', reason: 'r' },
  runnersUp: [{ agentId: 'b', score: 80 }],
  given: [{ agentId: 'a', score: 1 }],
};
const number = (...at: Path): Bound => ({ at, takes: [-1, 0, 99.5], refuses: ['1', null] });

/** What queries answer about choices: decisions, their explanation and replay, performance, metrics. */
export const ABOUT_CHOICES: Readonly<Record<string, FrameCase>> = {
  'QueryReplies.decisions': {
    schema: frames.QueryReplies.decisions,
    minimal: { v: 1, decisions: [decision] },
    bounds: [version, ...decisionBounds('decisions', 0)],
  },
  'QueryReplies.decisions.scored': {
    schema: frames.QueryReplies.decisions,
    minimal: { v: 1, decisions: [scored] },
    optional: ['score', 'scoreParts', 'fallback', 'runnersUp', 'given'],
    bounds: [
      ...['context', 'success', 'specialization', 'load'].map((part) => number('decisions', 0, 'scoreParts', part)),
      oneOf(FALLBACKS, 'decisions', 0, 'fallback', 'kind'),
      text('decisions', 0, 'fallback', 'reason'),
      items(0, 3, { agentId: 'b', score: 80 }, 'decisions', 0, 'runnersUp'),
      items(0, GIVEN_SCORES, { agentId: 'b', score: 80 }, 'decisions', 0, 'given'),
      ...['runnersUp', 'given'].map((list) => name('decisions', 0, list, 0, 'agentId')),
      ...['runnersUp', 'given'].map((list) => number('decisions', 0, list, 0, 'score')),
    ],
  },
  'QueryReplies.performance': {
    schema: frames.QueryReplies.performance,
    minimal: {
      v: 1,
      performance: [{ agentId: 'a', workType: 'w', successCount: 1, failureCount: 0, totalDurationMs: 0 }],
    },
    bounds: [
      version,
      name('performance', 0, 'agentId'),
      label('performance', 0, 'workType'),
      ...['successCount', 'failureCount'].map((field) => atLeast(0, 'performance', 0, field)),
      nonNegative('performance', 0, 'totalDurationMs'),
      instant('performance', 0, 'lastExecutionAtMs'),
      oneOf(DIFFICULTIES, 'performance', 0, 'difficultyAssessment'),
    ],
  },
  'QueryReplies.explain': {
    schema: frames.QueryReplies.explain,
    minimal: {
      v: 1,
      explanation: {
        taskId: 't',
        pool: 'p',
        status: 'pending',
        summary: 's',
        advice: [],
        decision,
        others: [{ agentId: 'b', why: 'w', change: 'c' }],
        groups: [{ reason: 'busy', count: 1, agents: ['a'], why: 'w', change: 'c' }],
        asOf: 'now',
      },
    },
    optional: ['decision'],
    bounds: [
      version,
      ...['taskId', 'pool'].map((field) => name('explanation', field)),
      oneOf(TASK_STATUSES, 'explanation', 'status'),
      oneOf(['decision', 'now', 'counts'], 'explanation', 'asOf'),
      text('explanation', 'summary'),
      text('explanation', 'advice', 0),
      name('explanation', 'others', 0, 'agentId'),
      oneOf(EXCLUSIONS, 'explanation', 'groups', 0, 'reason'),
      atLeast(0, 'explanation', 'groups', 0, 'count'),
      name('explanation', 'groups', 0, 'agents', 0),
      ...['why', 'change'].map((field) => text('explanation', 'others', 0, field)),
      ...['why', 'change'].map((field) => text('explanation', 'groups', 0, field)),
    ],
  },
  'QueryReplies.replay': {
    schema: frames.QueryReplies.replay,
    minimal: { v: 1, replay: { recorded: decision, replayed: structuredClone(decision), same: true } },
    optional: ['replayed'],
    bounds: [version, bool('replay', 'same'), ...decisionBounds('replay', 'replayed')],
  },
  'QueryReplies.metrics': {
    schema: frames.QueryReplies.metrics,
    minimal: {
      v: 1,
      metrics: {
        journal: { seq: 0, lag: 0 },
        sinceMs: 0,
        assignments: [{ pool: 'p', strategy: 'random', count: 1 }],
        agents: [{ pool: 'p', agentId: 'a', count: 1 }],
        fallbacks: [{ pool: 'p', kind: 'window', count: 1 }],
        refusals: [{ agentId: 'a', count: 1 }],
        distribution: [{ pool: 'p', max: 2, min: 1, spread: 1 }],
        latency: [{ leMs: null, count: 1 }],
        pending: [{ pool: 'p', reason: 'busy', count: 1 }],
      },
    },
    bounds: [
      version,
      ...['seq', 'lag'].map((field) => atLeast(0, 'metrics', 'journal', field)),
      instant('metrics', 'sinceMs'),
      ...['assignments', 'agents', 'fallbacks', 'distribution', 'pending'].map((list) =>
        name('metrics', list, 0, 'pool'),
      ),
      ...['assignments', 'agents', 'fallbacks', 'refusals', 'latency', 'pending'].map((list) =>
        atLeast(0, 'metrics', list, 0, 'count'),
      ),
      ...['max', 'min', 'spread'].map((field) => atLeast(0, 'metrics', 'distribution', 0, field)),
      ...['agents', 'refusals'].map((list) => name('metrics', list, 0, 'agentId')),
      oneOf(STRATEGIES, 'metrics', 'assignments', 0, 'strategy'),
      oneOf(FALLBACKS, 'metrics', 'fallbacks', 0, 'kind'),
      oneOf([...EXCLUSIONS, 'backoff', 'noAgent', 'scoring'], 'metrics', 'pending', 0, 'reason'),
      { at: ['metrics', 'latency', 0, 'leMs'], takes: [null, 0.5, 1_000], refuses: ['1'] },
    ],
  },
};
