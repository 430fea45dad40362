import fc from 'fast-check';
import { expect, test } from 'vitest';
import type { PoolImage } from '#rota/protocol/journal.js';
import { fold } from '#rota/store/fold.js';
import { images } from '#rota/store/images.js';
import { Tables } from '#rota/store/tables.js';
import { newTask, PoolDriver } from '../../support/pool.js';

/** Labels of an agent, or what a task asks for. */
interface Labels {
  readonly capabilities: string[];
  readonly roles: string[];
}

const labels = fc.record({ capabilities: fc.subarray(['sql', 'ts']), roles: fc.subarray(['lead', 'ops']) });
const nth = fc.nat(20);
const step = fc.oneof(
  { weight: 12, arbitrary: fc.record({ do: fc.constant('submit' as const), nth }) },
  {
    weight: 1,
    arbitrary: fc.record({ do: fc.constantFrom('join' as const, 'leave' as const, 'forget' as const), nth }),
  },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('restart' as const), nth }) },
);
type Step = typeof step extends fc.Arbitrary<infer T> ? T : never;

/** A pool whose agents finish at once: some stay, over restarts too; guests, who have every label, come and go. */
class Mixed {
  readonly #staying: readonly Labels[];
  readonly #kinds: readonly Labels[];
  /** By kind, then by agent. */
  readonly #served: Map<string, number>[];
  readonly #tables = new Tables();
  #pool = Mixed.#start();
  #tasks = 0;
  #seen = 0;
  #restarts = 0;

  constructor(staying: readonly Labels[], kinds: readonly Labels[]) {
    this.#staying = staying;
    this.#kinds = kinds;
    this.#served = kinds.map(() => new Map());
    for (const [n, profile] of staying.entries()) this.#pool.join(`staying-${n}`, { maxConcurrency: 5, ...profile });
  }

  static #start(image?: PoolImage): PoolDriver {
    const pool = new PoolDriver({ policy: { rotationWindowMinutes: 0 } });
    if (image !== undefined) pool.selector.restore(image);
    pool.selector.lineUp();
    return pool;
  }

  run({ do: verb, nth }: Step): void {
    const agentId = `guest-${nth % 3}`;
    if (verb === 'submit') this.#submit(nth % this.#kinds.length);
    else if (verb === 'join') this.#pool.join(agentId, { capabilities: ['sql', 'ts'], roles: ['lead', 'ops'] });
    else if (verb === 'leave') this.#pool.handle({ type: 'PRESENCE', agentId, presence: 'offline', why: 'said so' });
    else if (verb === 'forget') this.#pool.handle({ type: 'DEREGISTER', agentId });
    else this.#restart();
    this.#finish();
  }

  /** Of each kind: most minus least, of those that stay and may take it. */
  spreads(): number[] {
    return this.#kinds.map((kind, n) => {
      const counts = this.#staying.flatMap((profile, i) => {
        return fits(profile, kind) ? [this.#served[n]?.get(`staying-${i}`) ?? 0] : [];
      });
      return counts.length === 0 ? 0 : Math.max(...counts) - Math.min(...counts);
    });
  }

  #submit(kind: number): void {
    this.#pool.submit(newTask(`${kind}-${this.#tasks++}`, this.#kinds[kind]));
  }

  #finish(): void {
    const { events } = this.#pool.turn;
    for (; this.#seen < events.length; this.#seen++) {
      const event = events[this.#seen];
      if (event?.type !== 'taskAssigned') continue;
      const { taskId, agentId } = event;
      const served = this.#served[Number(taskId.split('-')[0])];
      served?.set(agentId, (served.get(agentId) ?? 0) + 1);
      this.#pool.complete(agentId, taskId);
    }
  }

  /** The next leader has what the tables have, and nothing else. */
  #restart(): void {
    this.#tables.apply(fold([{ seq: ++this.#restarts, epoch: 1, events: this.#pool.turn.events }]));
    this.#pool = Mixed.#start(images(this.#tables.live()).pools[0]);
    this.#seen = 0;
  }
}

function fits(profile: Labels, kind: Labels): boolean {
  const isAny = kind.roles.length === 0 || kind.roles.some((role) => profile.roles.includes(role));
  return isAny && kind.capabilities.every((label) => profile.capabilities.includes(label));
}

test('of each kind of task, those who may take it all the time get as many, one more at most, over restarts too', () => {
  fc.assert(
    fc.property(
      fc.array(labels, { minLength: 2, maxLength: 6 }),
      fc.uniqueArray(labels, { minLength: 1, maxLength: 4, selector: (kind) => JSON.stringify(kind) }),
      fc.array(step, { maxLength: 60, size: 'max' }),
      (staying, kinds, steps) => {
        const pool = new Mixed(staying, kinds);
        for (const one of steps) {
          pool.run(one);
          expect(Math.max(...pool.spreads())).toBeLessThanOrEqual(1);
        }
      },
    ),
    { numRuns: 500 },
  );
});

test('kinds that alternate starve nobody', () => {
  const pool = new PoolDriver({ policy: { rotationWindowMinutes: 0 } });
  pool.join('ann', { maxConcurrency: 9 });
  pool.join('ben', { maxConcurrency: 9 });
  pool.join('eva', { maxConcurrency: 9, capabilities: ['sql'] });
  const kinds = [[], ['sql'], [], ['sql'], [], ['sql'], []];
  for (const [n, capabilities] of kinds.entries()) pool.submit(newTask(`t-${n}`, { capabilities }));
  const facts = pool.turn.recorded('taskAssigned');
  expect(facts.map(({ agentId }) => agentId)).toEqual(['ann', 'eva', 'ben', 'eva', 'eva', 'eva', 'ann']);
  expect(facts.map(({ rotation }) => rotation)).toEqual(['', 'sql|', '', 'sql|', '', 'sql|', '']);
});
