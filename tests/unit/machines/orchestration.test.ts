import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { createActor } from 'xstate';
import { orchestrationMachine } from '#rota/machines/orchestration.js';
import type { NewTask, SelectorEvent } from '#rota/machines/selector-events.js';
import { packedSize } from '#rota/protocol/codec.js';
import type { NodeImage, OrchestrationImage } from '#rota/protocol/journal.js';
import type { Json } from '#rota/protocol/json.js';
import { LIMITS } from '#rota/protocol/limits.js';
import type { NodeSpec, TerminalStatus } from '#rota/protocol/task.js';
import { ModelTurn } from '../../support/model-turn.js';

function nodeSpec(key: string, dependsOn: string[] = []): NodeSpec {
  const fields = { workType: 'default', capabilities: [], roles: [], excludeAgents: [] };
  const limits = { priority: 3, payload: null, maxAttempts: 3, backoffMs: 0 };
  return { key, pool: 'dev', dependsOn, ...fields, ...limits };
}

/** One orchestration whose pool is the test. */
class Driver {
  readonly turn = new ModelTurn();
  readonly submitted: NewTask[] = [];
  readonly cancelled: string[] = [];
  readonly actor;

  constructor(tasks: NodeSpec[], rest: Partial<OrchestrationImage> = {}, room = Number.POSITIVE_INFINITY) {
    this.turn.room = room;
    const taskIds = Object.fromEntries(tasks.map((task) => [task.key, `id-${task.key}`]));
    const spec = { id: 'o1', name: 'test', tasks };
    const image = {
      spec,
      submittedBy: 'client',
      watch: 'end' as const,
      taskIds,
      isCancelling: false,
      nodes: [],
      ...rest,
    };
    const toPool = (_pool: string, event: SelectorEvent) => {
      if (event.type === 'SUBMIT') this.submitted.push(...event.tasks);
      if (event.type === 'CANCEL') this.cancelled.push(...event.taskIds);
    };
    this.actor = createActor(orchestrationMachine, { input: { image, turn: this.turn, toPool } });
    this.actor.start();
    this.actor.send({ type: 'START' });
  }

  end(key: string, status: TerminalStatus, result: Json = `${key}'s result`): void {
    this.actor.send({ type: 'NODE_ENDED', key, status, ...(status === 'completed' ? { result } : {}) });
  }

  /** A later turn, with room of its own. */
  tick(room: number): void {
    this.turn.room = room;
    this.actor.send({ type: 'TICK' });
  }

  get keys(): (string | undefined)[] {
    return this.submitted.map((task) => task.key);
  }

  get ended() {
    return this.turn.recorded('orchestrationEnded');
  }
}

const diamond = [nodeSpec('a'), nodeSpec('b', ['a']), nodeSpec('c', ['a']), nodeSpec('d', ['b', 'c'])];

describe('an orchestration', () => {
  test('submits each task when what it depends on has completed, with its results', () => {
    const run = new Driver(diamond);
    expect(run.keys).toEqual(['a']);
    run.end('a', 'completed');
    expect(run.keys).toEqual(['a', 'b', 'c']);
    run.end('c', 'completed');
    expect(run.keys).toEqual(['a', 'b', 'c']);
    run.end('b', 'completed');
    expect(run.submitted.at(-1)).toMatchObject({
      id: 'id-d',
      key: 'd',
      orchestrationId: 'o1',
      submittedBy: 'client',
      inputs: { b: "b's result", c: "c's result" },
    });
    expect(run.ended).toEqual([]);
    run.end('d', 'completed');
    expect(run.ended).toMatchObject([{ orchestrationId: 'o1', status: 'completed', skipped: [] }]);
    expect(run.turn.items('client', 'orchestrations')).toMatchObject([{ status: 'completed' }]);
  });

  test('a failure takes down what depends on it, and nothing else', () => {
    const run = new Driver([...diamond, nodeSpec('alone'), nodeSpec('after-alone', ['alone'])]);
    run.end('a', 'failed');
    run.end('alone', 'completed');
    run.end('after-alone', 'completed');
    expect(run.keys).toEqual(['a', 'alone', 'after-alone']);
    expect(run.ended).toMatchObject([{ status: 'failed', skipped: ['b', 'c', 'd'], reason: 'a failed' }]);
  });

  test('a cancel stops what was submitted and skips the rest', () => {
    const run = new Driver(diamond);
    run.end('a', 'completed');
    run.actor.send({ type: 'CANCEL', mode: 'abort' });
    expect(run.cancelled).toEqual(['id-b', 'id-c']);
    expect(run.turn.recorded('orchestrationCancelling')).toHaveLength(1);
    run.end('b', 'cancelled');
    run.end('c', 'completed');
    expect(run.ended).toMatchObject([{ status: 'cancelled', skipped: ['d'] }]);
  });

  test('one that was restored goes on where it stood', () => {
    const nodes = [
      { key: 'a', status: 'completed', result: 1 },
      { key: 'b', status: 'completed', result: 2 },
      { key: 'c', status: 'running' },
    ] as const;
    const run = new Driver(diamond, { nodes });
    expect(run.keys).toEqual([]);
    run.end('c', 'completed', 3);
    expect(run.submitted).toMatchObject([{ key: 'd', inputs: { b: 2, c: 3 } }]);
  });

  test('one that was restored is cancelled with all that it had submitted', () => {
    const nodes = [
      { key: 'a', status: 'completed', result: 1 },
      { key: 'b', status: 'running' },
      { key: 'c', status: 'assigned' },
    ] as const;
    const run = new Driver(diamond, { nodes });
    run.actor.send({ type: 'CANCEL', mode: 'abort' });
    expect(run.cancelled).toEqual(['id-b', 'id-c']);
  });

  test('one that was being cancelled when it was restored starts nothing more', () => {
    const nodes = [{ key: 'a', status: 'running' }] as const;
    const run = new Driver(diamond, { nodes, isCancelling: true });
    run.end('a', 'completed');
    expect(run.keys).toEqual([]);
    expect(run.ended).toMatchObject([{ status: 'cancelled', skipped: ['b', 'c', 'd'] }]);
  });

  test('a turn submits no more than it has room for, and the next ones the rest', () => {
    const fan = Array.from({ length: 300 }, (_, i) => nodeSpec(`n${i}`, ['a']));
    const run = new Driver([nodeSpec('a'), ...fan]);
    let submitted = run.submitted.length;
    run.turn.room = LIMITS.fanOutBytes;
    run.end('a', 'completed', Array(2).fill('x'.repeat(46_000)));
    for (; submitted < run.submitted.length; run.tick(LIMITS.fanOutBytes)) {
      const inTurn = run.submitted.slice(submitted);
      const sizes = inTurn.map(({ inputs }) => packedSize(inputs));
      expect(sizes.reduce((sum, size) => sum + size)).toBeLessThan(LIMITS.fanOutBytes + LIMITS.inputBytes);
      submitted += inTurn.length;
    }
    expect(run.keys).toEqual(['a', ...fan.map(({ key }) => key)]);
  });

  test('what there was no room for comes with whatever ends next', () => {
    const run = new Driver([nodeSpec('a'), nodeSpec('b'), nodeSpec('c')], {}, 1);
    expect(run.keys).toEqual(['a']);
    run.tick(0);
    expect(run.keys).toEqual(['a']);
    run.turn.room = 1;
    run.end('a', 'completed');
    expect(run.keys).toEqual(['a', 'b']);
  });

  test('a cancel reaches what there was no room for', () => {
    const run = new Driver([nodeSpec('a'), nodeSpec('b'), nodeSpec('c')], {}, 1);
    run.actor.send({ type: 'CANCEL', mode: 'drain' });
    run.tick(Number.POSITIVE_INFINITY);
    expect(run.cancelled).toEqual(['id-a']);
    run.end('a', 'completed');
    expect(run.keys).toEqual(['a']);
    expect(run.ended).toMatchObject([{ status: 'cancelled', skipped: ['b', 'c'] }]);
  });

  test('what is too large to be submitted needs no room', () => {
    const heavy = Array.from({ length: 40 }, (_, i) => nodeSpec(`n${i}`, ['a', 'b']));
    const run = new Driver([nodeSpec('a'), nodeSpec('b'), ...heavy]);
    run.end('a', 'completed', Array(2).fill('x'.repeat(46_000)));
    run.turn.room = LIMITS.inputBytes;
    run.end('b', 'completed', Array(2).fill('x'.repeat(46_000)));
    expect(run.submitted.filter(({ unrunnable }) => unrunnable !== undefined)).toHaveLength(heavy.length);
  });

  test('inputs that fit no frame fail the task that would get them', () => {
    const run = new Driver([nodeSpec('a'), nodeSpec('b'), nodeSpec('c', ['a', 'b'])]);
    run.end('a', 'completed', 'x'.repeat(60_000));
    run.end('b', 'completed', Array(60_000).fill(200));
    const [task] = run.submitted.filter((one) => one.key === 'c');
    expect(task?.unrunnable).toMatchObject({ code: 'INPUT_TOO_LARGE', retryable: false });
    expect(task?.inputs).toBeUndefined();
  });
});

test('over random graphs, outcomes, rooms and failovers: each task starts once, after all it depends on completed, and all is over in the end', () => {
  const graph = fc
    .integer({ min: 1, max: 12 })
    .chain((size) =>
      fc.tuple(...Array.from({ length: size }, (_, i) => fc.uniqueArray(fc.nat(Math.max(i - 1, 0)), { maxLength: i }))),
    );
  const outcome = fc.constantFrom('completed' as const, 'completed' as const, 'failed' as const);
  const tasksOfATurn = fc.constantFrom(0, 1, Number.POSITIVE_INFINITY);
  const step = fc.record({ pick: fc.nat(), outcome, room: tasksOfATurn, failsOver: fc.boolean() });
  fc.assert(
    fc.property(graph, fc.infiniteStream(step), (edges, steps) => {
      const specs = edges.map((deps, i) => nodeSpec(`n${i}`, i === 0 ? [] : deps.map((dep) => `n${dep}`)));
      const nodes = new Map<string, NodeImage>();
      const running: string[] = [];
      let run = new Driver(specs, {}, 1);
      let seen = 0;
      const takeSubmitted = (atMost: number) => {
        const added = run.keys.slice(seen).map(String);
        seen += added.length;
        expect(added.length).toBeLessThanOrEqual(atMost);
        for (const key of added) {
          const { dependsOn = [] } = specs.find((spec) => spec.key === key) ?? {};
          expect(dependsOn.every((dependency) => nodes.get(dependency)?.status === 'completed')).toBe(true);
          expect(nodes.has(key)).toBe(false);
          nodes.set(key, { key, status: 'pending' });
        }
        running.push(...added);
      };
      takeSubmitted(1);
      while (run.ended.length === 0) {
        const { pick, outcome: status, room, failsOver } = steps.next().value;
        if (failsOver) {
          run = new Driver(specs, { nodes: [...nodes.values()] }, room);
          seen = 0;
          takeSubmitted(room);
        }
        const [key] = running.splice(pick % Math.max(running.length, 1), 1);
        if (key === undefined) {
          run.tick(1);
          takeSubmitted(1);
        } else {
          nodes.set(key, { key, status, ...(status === 'completed' ? { result: null } : {}) });
          run.turn.room = room;
          run.end(key, status, null);
          takeSubmitted(room);
        }
      }
      const [{ skipped = [] } = {}] = run.ended;
      expect(running).toEqual([]);
      for (const { key, dependsOn } of specs) {
        const couldRun = dependsOn.every((dependency) => nodes.get(dependency)?.status === 'completed');
        expect(skipped.includes(key)).toBe(!couldRun);
        expect(nodes.has(key)).toBe(couldRun);
      }
    }),
    { numRuns: 500 },
  );
});
