import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { pino } from 'pino';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Client, Coordinator, Store } from '#rota/index.js';
import { decode, pack, packedSize } from '#rota/protocol/codec.js';
import { OrchestrateFrame, SubmitFrame } from '#rota/protocol/frames.js';
import { LIMITS } from '#rota/protocol/limits.js';
import { type Attack, Attacker, ODD_REPLIES, POOL } from '../support/hostile.js';
import { seededRandom } from '../support/random.js';
import { gate } from '../support/signals.js';
import { Stranger } from '../support/stranger.js';
import { World } from '../support/world.js';

const FRAMES = 12_000;
const ROUND = 500;
const HEAP_GROWTH_BYTES = 64 * 2 ** 20;
const { seed, random } = seededRandom();

let world: World;
let store: Store;
let coordinator: Coordinator;
let client: Client;
let stranger: Stranger;
const logged: string[] = [];
const faults: unknown[] = [];
const onFault = (fault: unknown) => void faults.push(fault);

beforeAll(async () => {
  process.on('unhandledRejection', onFault).on('uncaughtException', onFault);
  world = await World.open('nats');
  store = await world.sqlite();
  coordinator = await world.coordinator({
    store,
    log: pino({ level: 'trace' }, { write: (line) => logged.push(line) }),
  });
  client = await world.client({ id: 'honest' });
  stranger = await Stranger.connect(world.nats.url);
});

afterAll(async () => {
  process.off('unhandledRejection', onFault).off('uncaughtException', onFault);
  await stranger[Symbol.asyncDispose]();
  await world[Symbol.asyncDispose]();
});

const ids = (prefix: string, count: number) => Array.from({ length: count }, (_, i) => `${prefix}${i}`);

describe('frames at a limit and one beyond', () => {
  const subject = `rota.from.edge.submit.edge`;
  const task = (id: string, payload: unknown) => ({ id, payload });
  /** A payload of exactly so many bytes, encoded, of strings that are none too long. */
  const payloadOf = (size: number) => {
    const half = 'x'.repeat(Math.floor(size / 2) - 10);
    const payload = [half, 'x'.repeat(size - packedSize([half, '']) - 2)];
    expect(packedSize(payload)).toBe(size);
    return payload;
  };
  /** A frame of exactly so many bytes. */
  const frameOf = (id: string, size: number) => {
    const third = 'x'.repeat(60_000);
    const tasks = [0, 1, 2, 3].map((i) => task(`${id}-${i}`, third));
    const missing = size - pack({ v: 1, tasks: [...tasks, task(`${id}-4`, 'x'.repeat(10_000))] }).length;
    const frame = { v: 1, tasks: [...tasks, task(`${id}-4`, 'x'.repeat(10_000 + missing))] };
    expect(pack(frame)).toHaveLength(size);
    return frame;
  };
  const submit = (id: string, payload: unknown) => ({ v: 1, tasks: [task(`${id}-other`, null), task(id, payload)] });
  const nested = (depth: number) => Array.from({ length: depth }).reduce<unknown>((inner) => [inner], 1);

  it.each<[string, (id: string) => object, string | undefined]>([
    ['a frame of the largest size', (id) => frameOf(id, LIMITS.frameBytes), undefined],
    ['a frame one byte larger', (id) => frameOf(id, LIMITS.frameBytes + 1), 'FRAME_TOO_LARGE'],
    ['a frame much larger', (id) => submit(id, new Array(8).fill('x'.repeat(60_000))), 'FRAME_TOO_LARGE'],
    ['the longest string', (id) => submit(id, 'x'.repeat(LIMITS.stringBytes)), undefined],
    ['a string one byte longer', (id) => submit(id, 'x'.repeat(LIMITS.stringBytes + 1)), 'FRAME_TOO_LARGE'],
    ['the largest payload', (id) => submit(id, payloadOf(LIMITS.payloadBytes)), undefined],
    ['a payload one byte larger', (id) => submit(id, payloadOf(LIMITS.payloadBytes + 1)), 'FRAME_TOO_LARGE'],
    ['the deepest payload', (id) => submit(id, nested(LIMITS.depth - 3)), undefined],
    ['a payload one deeper', (id) => submit(id, nested(LIMITS.depth - 2)), 'FRAME_TOO_DEEP'],
    ['the most tasks', (id) => ({ v: 1, tasks: ids(id, LIMITS.tasksPerFrame).map((one) => ({ id: one })) }), undefined],
    [
      'one task more',
      (id) => ({ v: 1, tasks: ids(id, LIMITS.tasksPerFrame + 1).map((one) => ({ id: one })) }),
      'INVALID_VALUE',
    ],
    ['no task', () => ({ v: 1, tasks: [] }), 'INVALID_VALUE'],
    [
      'a bad task behind good ones',
      (id) => ({ v: 1, tasks: [{ id: `${id}-good` }, { id, priority: 6 }] }),
      'INVALID_VALUE',
    ],
    ['another version', (id) => ({ v: 2, tasks: [{ id }] }), 'INVALID_VALUE'],
  ])('%s', async (name, make, code) => {
    const id = name.replaceAll(' ', '-');
    const frame = make(id);
    expect((await stranger.ask(subject, pack(frame))).code).toBe(code);
    const made = (await store.tasks({ pool: 'edge', limit: 100_000 })).filter((row) => row.id.startsWith(id));
    const sent = 'tasks' in frame && Array.isArray(frame.tasks) ? frame.tasks.length : 0;
    expect(made).toHaveLength(code === undefined ? sent : 0);
  });
});

describe(`${FRAMES} mutated frames (TEST_SEED=${seed})`, () => {
  it('change nothing that they may not, and are answered', async () => {
    const attacker = new Attacker(random);
    const made: Made = { tasks: new Set(), orchestrations: new Set(), refused: new Set() };
    const misled: string[] = [];
    for (const subject of ['rota.from.victim.>', 'victim', '_INBOX']) {
      stranger.overhear(subject, () => void misled.push(subject));
    }
    stranger.overhearFrames('ann', ({ v: _, ...lists }) => {
      if (Object.keys(lists).length === 0) misled.push('rota.to.ann');
    });

    const hold = gate();
    await world.agent('ann', async ({ payload }) => (payload === 'hold' ? hold.passed : payload), {
      pool: 'live',
      maxConcurrency: 2,
    });
    const held = await client.submit({ pool: 'live', payload: 'hold' });
    const serves = async () => {
      const tasks = await client.submitMany(ids('', 5).map((payload) => ({ pool: 'live', payload })));
      for await (const { status } of client.results(tasks)) expect(status).toBe('completed');
    };
    await serves();
    const before = heapBytes();

    for (let sent = 0; sent < FRAMES; sent += ROUND) {
      const attacks = Array.from({ length: ROUND }, () => attacker.next());
      await Promise.all(attacks.map((attack) => send(attack, made)));
      await stranger.flush();
      await serves();
    }

    expect(heapBytes() - before).toBeLessThan(HEAP_GROWTH_BYTES);
    const rows = await store.tasks({ pool: POOL, limit: 1_000_000 });
    const submitted = rows.filter((row) => row.orchestrationId === undefined).map(({ id }) => id);
    // An id that was handed over before is no new task, whatever pool it is sent to.
    const handedOver = new Set((await store.tasks({ pool: 'desk', limit: 1_000_000 })).map(({ id }) => id));
    expect(submitted.toSorted()).toEqual([...made.tasks].filter((id) => !handedOver.has(id)).toSorted());
    for (const id of made.refused) {
      if (!made.orchestrations.has(id)) expect(await store.orchestration(id), id).toBe(undefined);
    }
    expect(misled).toEqual([]);
    hold.open();
    expect(await client.result(held)).toMatchObject({ status: 'completed', attempt: 1 });
    expect(coordinator.state).toBe('leading');
    expect(faults).toEqual([]);
    // Both ways must be well travelled, or this proves little.
    expect(made.tasks.size).toBeGreaterThan(300);
    expect(made.orchestrations.size).toBeGreaterThan(100);
    expect(made.refused.size).toBeGreaterThan(300);
    // Of a storm the log has some, and how many it left out.
    const refusals = logged.map((line): { untold?: number } => JSON.parse(line));
    expect(refusals.reduce((sum, { untold = 0 }) => sum + 1 + untold, 0)).toBeGreaterThan(FRAMES / 3);
  });

  it('leave nothing of what they held in the log', () => {
    for (const line of logged) {
      expect(line).not.toContain('secret');
      expect(line.trimEnd()).not.toMatch(/[\p{Cc}]/u);
    }
  });
});

interface Made {
  /** Tasks that must be there in the end, and no others. */
  readonly tasks: Set<string>;
  /** Orchestrations that may be there. */
  readonly orchestrations: Set<string>;
  /** Orchestrations that were refused. */
  readonly refused: Set<string>;
}

/** Sends one attack as a request, or as a publish; notes what it must have made. */
async function send({ kind, id, subject, bytes }: Attack, made: Made): Promise<void> {
  const tasks = subject.endsWith(`.mallory.submit.${POOL}`) ? tasksOf(bytes) : undefined;
  for (const task of tasks ?? []) made.tasks.add(task);
  const orchestration = subject.endsWith('.orchestrate') ? orchestrationOf(bytes) : undefined;
  if (orchestration !== undefined) made.orchestrations.add(orchestration);
  if (random() < 0.5) {
    const { code, message = '' } = await stranger.ask(subject, bytes);
    expect(message).not.toContain('secret');
    if (subject.endsWith(`.submit.${POOL}`)) {
      const isTaken = code === undefined;
      expect(isTaken, `${kind}: ${code}, ${Buffer.from(bytes).toString('base64')}`).toBe(tasks !== undefined);
    }
    if (kind.startsWith('orchestrate') && code !== undefined) made.refused.add(id);
    return;
  }
  const reply = random() < 0.5 ? ODD_REPLIES[Math.floor(random() * ODD_REPLIES.length)] : undefined;
  stranger.publish(subject, bytes, reply);
}

/** The tasks that a submit of these bytes makes; undefined when it is to be refused. */
function tasksOf(bytes: Uint8Array): string[] | undefined {
  try {
    const { tasks } = decode(SubmitFrame, bytes);
    return tasks.every(({ payload }) => packedSize(payload) <= LIMITS.payloadBytes)
      ? tasks.map(({ id }) => id)
      : undefined;
  } catch {
    return undefined;
  }
}

/** The orchestration that these bytes may make; a graph that is wrong is refused later. */
function orchestrationOf(bytes: Uint8Array): string | undefined {
  try {
    return decode(OrchestrateFrame, bytes).orchestration.id;
  } catch {
    return undefined;
  }
}

/** What is in use once everything that can be freed is. */
function heapBytes(): number {
  setFlagsFromString('--expose-gc');
  runInNewContext('gc')();
  return process.memoryUsage().heapUsed;
}
