import { Packr } from 'msgpackr';
import { pack } from '#rota/protocol/codec.js';
import type { Json } from '#rota/protocol/json.js';
import { LIMITS } from '#rota/protocol/limits.js';
import { type Mutation, mutate } from '../unit/protocol/arbitraries.js';

/** Stands in payloads. No name holds its characters, so nothing that is allowed to be logged can hold it. */
const MARKER = '§ secret \r\n\u001b[31m §';

const NAMESPACE = 'rota';
const PRINCIPAL = 'mallory';
export const POOL = 'fuzz';

/** One hostile message. */
export interface Attack {
  readonly kind: string;
  /** The id in the frame, before it was mutated: no other frame has it. */
  readonly id: string;
  readonly subject: string;
  readonly bytes: Uint8Array;
}

const VERBS = 'register heartbeat report progress leave settle registry orchestrate cancel query'.split(' ');

/** Subjects that the coordinator hears and that say nothing to it. */
const ODD_TAILS = [
  PRINCIPAL,
  `${PRINCIPAL}.unknown`,
  `${PRINCIPAL}.constructor`,
  `${PRINCIPAL}.submit`,
  `${PRINCIPAL}.submit.${POOL}.more`,
  `${PRINCIPAL}.submit.__proto__`,
  `${PRINCIPAL}.register.more`,
  `__proto__.submit.${POOL}`,
  `mal!ory.submit.${POOL}`,
  'é.query',
  `${'x'.repeat(LIMITS.nameChars + 1)}.query`,
];

export const ODD_REPLIES = [
  `${NAMESPACE}.to.ann`,
  `${NAMESPACE}.from.victim.register`,
  '_INBOX',
  '_INBOX.*',
  '_INBOX.é',
  '_INBOX.>',
  'victim',
];

/** Makes attacks from the frames that a coordinator takes, as the random numbers decide. */
export class Attacker {
  readonly #random: () => number;
  #made = 0;

  constructor(random: () => number) {
    this.#random = random;
  }

  next(): Attack {
    const id = `m${++this.#made}`;
    const { verb, frame } = this.#frame(id);
    const [kind, make] = this.#pick(MUTATORS);
    const bytes = make(frame, this.#pick, this.#random);
    return { kind: `${verb} ${kind}`, id, subject: `${NAMESPACE}.from.${this.#tail(verb)}`, bytes };
  }

  #tail(verb: string): string {
    if (this.#random() < 0.1) return this.#pick(ODD_TAILS);
    const heard = this.#random() < 0.1 ? this.#pick([...VERBS, `submit.${POOL}`]) : verb;
    return `${PRINCIPAL}.${heard}`;
  }

  /** A valid frame about this id. */
  #frame(id: string): { verb: string; frame: { [key: string]: Json } } {
    const payload: Json = { [MARKER]: MARKER, list: [1, -70_000, 1.5, true, null, MARKER] };
    const held = { taskId: id, token: 1 };
    const node = (key: string, ...dependsOn: string[]) => ({ key, pool: POOL, dependsOn, payload });
    const session = 'session';
    const frames: { [verb: string]: { [key: string]: Json }[] } = {
      register: [{ session, profile: { pool: POOL, capabilities: ['a'], maxConcurrency: 2 }, held: [held] }],
      heartbeat: [{ session, held: [held] }],
      report: [
        { session, reports: [{ outcome: 'accepted', ...held }] },
        { session, reports: [{ outcome: 'completed', ...held, result: payload, durationMs: 1 }] },
        {
          session,
          reports: [
            {
              outcome: 'failed',
              ...held,
              error: { code: 'HANDLER_FAILED', message: MARKER, retryable: true },
              durationMs: 1,
            },
          ],
        },
      ],
      progress: [{ session, progress: [{ ...held, percent: 50, message: MARKER }] }],
      leave: [{ session, presence: 'draining' }],
      [`submit.${POOL}`]: [{ watch: 'all', tasks: ['a', 'b', 'c'].map((part) => ({ id: `${id}-${part}`, payload })) }],
      orchestrate: [{ orchestration: { id, name: MARKER, tasks: [node('a'), node('b', 'a'), node('c', 'a', 'b')] } }],
      // In a pool of its own: what is handed over keeps an agent's slot.
      'assign.desk': [{ task: { id: `${id}-h`, payload }, fromAgent: 'bot', hops: 1 }],
      settle: [
        { settlements: [{ action: 'confirm', ...held }] },
        { settlements: [{ action: 'release', ...held, reason: MARKER }] },
        { settlements: [{ action: 'complete', ...held, result: payload, durationMs: 1 }] },
      ],
      registry: [
        { op: 'register', agentId: id, profile: { pool: 'desk', availability: 'source', embedding: [0.5, 1] } },
        { op: 'cordon', agentId: id },
        { op: 'deregister', agentId: id },
      ],
      cancel: [{ taskIds: [id], mode: 'abort' }, { orchestrationId: id }],
      query: [
        { query: 'events', taskIds: [id] },
        { query: 'task', taskId: id },
        { query: 'tasks', pool: POOL, limit: 3 },
        { query: 'agents' },
        { query: 'orchestration', orchestrationId: id },
        { query: 'status' },
        { query: 'decisions', taskId: id, limit: 3 },
        { query: 'performance', agentId: id },
        { query: 'explain', taskId: id },
        { query: 'replay', taskId: id, token: 1 },
        { query: 'metrics' },
      ],
    };
    // Half of them make something: those could be half done.
    const makers = [`submit.${POOL}`, 'orchestrate'];
    const verb = this.#random() < 0.5 ? this.#pick(makers) : this.#pick(Object.keys(frames));
    return { verb, frame: { v: 1, ...this.#pick(frames[verb] ?? []) } };
  }

  readonly #pick = <T>(items: readonly T[]): T => {
    const [item] = items.slice(Math.floor(this.#random() * items.length)) as [T];
    return item;
  };
}

type Pick = <T>(items: readonly T[]) => T;
type Mutator = (frame: { [key: string]: Json }, pick: Pick, random: () => number) => Uint8Array;

/** Writes what msgpackr can write and JSON can't hold. */
const loose = new Packr({ useRecords: false, moreTypes: true, structuredClone: true });
const records = new Packr({ useRecords: true });

const cyclic: { self?: unknown } = {};
cyclic.self = cyclic;

const FOREIGN: readonly unknown[] = [
  new Date(0),
  new Set([MARKER]),
  new Map([[MARKER, 1]]),
  /secret/,
  new Error(MARKER),
  2n ** 63n,
  Buffer.from(MARKER),
  new Float64Array(4),
  cyclic,
  Number.NaN,
  Number.NEGATIVE_INFINITY,
];

const CONFUSED: readonly Json[] = [
  ...[null, true, 0, -1, 1.5, 2 ** 53, '', 'x', MARKER, '__proto__', 'constructor', 'a.b', '*', '>', 'a b'],
  ...[[], {}, [[[]]], { constructor: 1 }, 'x'.repeat(65), new Array<Json>(1_001).fill('x')],
];

/** Headers that promise more than follows: 4 GiB strings, maps and arrays, and a kind that is none. */
const BOMBS = ['dbffffffff', 'ddffffffff', 'dfffffffff', 'c6ffffffff', 'c9ffffffff7f', 'c1', 'd9ff', 'dcffff', ''];

const MUTATORS: readonly (readonly [string, Mutator])[] = [
  ['as it is', (frame) => pack(frame)],
  ['with bytes changed', (frame, pick, random) => mutate(pack(frame), changes(pick, random))],
  ['with bytes changed', (frame, pick, random) => mutate(pack(frame), changes(pick, random))],
  ['with bits flipped', (frame, pick, random) => flipped(pack(frame), pick([1, 2, 8]), random)],
  ['with bits flipped', (frame, pick, random) => flipped(pack(frame), pick([1, 2, 8]), random)],
  ['cut off', (frame, _, random) => cut(pack(frame), random)],
  ['with a field of another type', (frame, pick) => pack(replaced(frame, pick(CONFUSED), pick))],
  ['with a field of another type', (frame, pick) => pack(replaced(frame, pick(CONFUSED), pick))],
  ['with a value that is not JSON', (frame, pick) => loose.pack(replaced(frame, pick(FOREIGN), pick))],
  ['as records', (frame) => records.pack(frame)],
  ['with an unknown field', (frame, pick) => pack({ ...frame, [pick([MARKER, 'more', 'constructor'])]: MARKER })],
  ['nested', (frame, pick) => pack(replaced(frame, nested(pick([12, 15, 16, 17, 200])), pick))],
  ['of nesting alone', (_, pick) => Buffer.alloc(pick([17, 5_000, 250_000]), pick([0x91, 0x81]))],
  ['a bomb', (_, pick) => Buffer.from(pick(BOMBS), 'hex')],
  ['with more behind', (frame) => Buffer.concat([pack(frame), pack(frame)])],
];

function changes(pick: Pick, random: () => number): Mutation[] {
  const kinds = ['set', 'insert', 'delete', 'cut', 'repeat'] as const;
  return Array.from({ length: pick([1, 1, 2, 4]) }, () => ({
    kind: pick(kinds),
    where: random(),
    byte: Math.floor(random() * 256),
  }));
}

function flipped(bytes: Uint8Array, count: number, random: () => number): Uint8Array {
  for (let i = 0; i < count; i++) {
    const bit = Math.floor(random() * bytes.length * 8);
    bytes[bit >> 3] = (bytes[bit >> 3] ?? 0) ^ (1 << (bit & 7));
  }
  return bytes;
}

function cut(bytes: Uint8Array, random: () => number): Uint8Array {
  return bytes.subarray(0, Math.floor(random() * bytes.length));
}

/** A copy with another value at some place, at any depth. */
function replaced(value: Json, by: unknown, pick: Pick): unknown {
  if (typeof value !== 'object' || value === null) return by;
  const key = pick([...Object.keys(value), undefined]);
  if (key === undefined) return by;
  if (Array.isArray(value)) return value.map((item, i) => (String(i) === key ? replaced(item, by, pick) : item));
  return { ...value, [key]: replaced(value[key] ?? null, by, pick) };
}

function nested(depth: number): Json {
  return Array.from({ length: depth }).reduce<Json>((inner) => [inner], MARKER);
}
