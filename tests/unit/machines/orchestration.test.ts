import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { createActor } from 'xstate';
import { Graph } from '#rota/machines/graph.js';
import { orchestrationMachine } from '#rota/machines/orchestration.js';
import type { NewTask, SelectorEvent } from '#rota/machines/selector-events.js';
import type { OrchestrationImage } from '#rota/protocol/journal.js';
import type { Json } from '#rota/protocol/json.js';
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

  constructor(tasks: NodeSpec[], rest: Partial<OrchestrationImage> = {}) {
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

  test('inputs that fit no frame fail the task that would get them', () => {
    const run = new Driver([nodeSpec('a'), nodeSpec('b'), nodeSpec('c', ['a', 'b'])]);
    run.end('a', 'completed', 'x'.repeat(60_000));
    run.end('b', 'completed', Array(60_000).fill(200));
    const [task] = run.submitted.filter((one) => one.key === 'c');
    expect(task?.unrunnable).toMatchObject({ code: 'INPUT_TOO_LARGE', retryable: false });
    expect(task?.inputs).toBeUndefined();
  });
});

test('over random graphs and outcomes: each task starts after all it depends on completed, and all is over in the end', () => {
  const graph = fc
    .integer({ min: 1, max: 12 })
    .chain((size) =>
      fc.tuple(...Array.from({ length: size }, (_, i) => fc.uniqueArray(fc.nat(Math.max(i - 1, 0)), { maxLength: i }))),
    );
  const outcome = fc.constantFrom('completed' as const, 'completed' as const, 'failed' as const);
  fc.assert(
    fc.property(graph, fc.infiniteStream(outcome), fc.infiniteStream(fc.nat()), (edges, outcomes, picks) => {
      const specs = edges.map((deps, i) => nodeSpec(`n${i}`, i === 0 ? [] : deps.map((dep) => `n${dep}`)));
      const taskIds = Object.fromEntries(specs.map((spec) => [spec.key, spec.key]));
      const tasks = new Graph(specs, taskIds);
      const running = tasks.ready().map((node) => node.spec.key);
      for (const key of running) tasks.mark(key, 'pending');
      const completed = new Set<string>();
      while (running.length > 0) {
        const [pick = 0] = picks.take(1);
        const [key = ''] = running.splice(pick % running.length, 1);
        const [status = 'completed'] = outcomes.take(1);
        if (status === 'completed') completed.add(key);
        for (const node of tasks.end(key, status, null, undefined)) {
          expect(node.spec.dependsOn.every((dependency) => completed.has(dependency))).toBe(true);
          tasks.mark(node.spec.key, 'pending');
          running.push(node.spec.key);
        }
      }
      expect(tasks.isDone).toBe(true);
      for (const { spec, state } of tasks.nodes()) {
        expect(state === 'skipped').toBe(!spec.dependsOn.every((dependency) => completed.has(dependency)));
      }
    }),
    { numRuns: 500 },
  );
});
