import { setup } from 'xstate';
import { packedSize } from '../protocol/codec.js';
import { RotaError, type WireError } from '../protocol/errors.js';
import type { OrchestrationImage } from '../protocol/journal.js';
import type { Json } from '../protocol/json.js';
import { LIMITS } from '../protocol/limits.js';
import { isTerminal, type TerminalStatus } from '../protocol/task.js';
import { Graph, type Node } from './graph.js';
import type { NewTask, SelectorEvent } from './selector-events.js';
import type { Turn } from './turn.js';

export type OrchestrationEvent =
  /** Submits what is ready: at its creation, and again after a recovery. */
  | { type: 'START' }
  /** Submits what is ready still, because the turns before had no room for it. */
  | { type: 'TICK' }
  | { type: 'NODE_ENDED'; key: string; status: TerminalStatus; result?: Json; error?: WireError }
  | { type: 'CANCEL'; mode: 'abort' | 'drain' };

export interface OrchestrationInput {
  readonly image: OrchestrationImage;
  readonly turn: Turn;
  /** Reaches the selector of a pool, which exists once it was asked for. */
  readonly toPool: (pool: string, event: SelectorEvent) => void;
}

interface Context extends OrchestrationInput {
  readonly graph: Graph;
}

/**
 * One orchestration: it owns the graph, submits each task when what it depends on has completed, and
 * ends when nothing is left to run. What fails takes down only what depends on it; other branches run on.
 */
export const orchestrationMachine = setup({
  types: {
    context: {} as Context,
    input: {} as OrchestrationInput,
    events: {} as OrchestrationEvent,
  },
  guards: {
    isDone: ({ context }) => context.graph.isDone,
  },
  actions: {
    submit: ({ context }) => submit(context),
    advance: ({ context, event }) => {
      if (event.type !== 'NODE_ENDED') return;
      context.graph.end(event.key, event.status, event.result, event.error);
      submit(context);
    },
    beginCancel: ({ context: { turn, image } }) =>
      turn.record({ type: 'orchestrationCancelling', atMs: turn.wallMs, orchestrationId: image.spec.id }),
    cancel: ({ context, event }) => {
      if (event.type === 'CANCEL') cancel(context, event.mode);
    },
    finish: ({ context }) => finish(context),
    finishCancelled: ({ context }) => finish(context, 'cancelled'),
  },
}).createMachine({
  id: 'orchestration',
  context: ({ input }) => ({ ...input, graph: restoreGraph(input.image) }),
  initial: 'known',
  states: {
    known: {
      always: [{ guard: ({ context }) => context.image.isCancelling, target: 'cancelling' }, { target: 'running' }],
    },
    running: {
      on: {
        START: { actions: 'submit' },
        TICK: { actions: 'submit' },
        NODE_ENDED: { actions: 'advance' },
        CANCEL: { target: 'cancelling', actions: ['beginCancel', 'cancel'] },
      },
      always: { guard: 'isDone', target: 'ended', actions: 'finish' },
    },
    cancelling: {
      on: {
        NODE_ENDED: { actions: 'advance' },
        CANCEL: { actions: 'cancel' },
      },
      always: { guard: 'isDone', target: 'ended', actions: 'finishCancelled' },
    },
    ended: { type: 'final' },
  },
});

function restoreGraph(image: OrchestrationImage): Graph {
  const graph = new Graph(image.spec.tasks, image.taskIds);
  for (const { key, status, result, error } of image.nodes) {
    if (isTerminal(status)) graph.end(key, status, result, error);
    else graph.mark(key, status);
  }
  if (image.isCancelling) graph.skipWaiting();
  return graph;
}

/** What a task gets of those before it, or why it can't. */
interface Given {
  readonly inputs?: Record<string, Json> | undefined;
  readonly unrunnable?: WireError;
}

/** Submits what is ready, as far as the turn has room for it. */
function submit({ graph, image, turn, toPool }: Context): void {
  for (const node of graph.ready()) {
    const { key, pool } = node.spec;
    const inputBytes = graph.inputBytes(node);
    const isTooLarge = inputBytes > LIMITS.inputBytes;
    if (!turn.takeRoom(packedSize(node.spec) + (isTooLarge ? 0 : inputBytes))) return;
    graph.mark(key, 'pending');
    const given = isTooLarge ? { unrunnable: inputTooLarge(key, inputBytes) } : { inputs: graph.inputsOf(node) };
    toPool(pool, { type: 'SUBMIT', tasks: [toTask(image, node, given)] });
  }
}

function toTask(image: OrchestrationImage, node: Node, { inputs, unrunnable }: Given): NewTask {
  const { key, dependsOn: _, pool, ...fields } = node.spec;
  const strategy = fields.strategy ?? image.spec.strategy;
  return {
    ...fields,
    ...(strategy === undefined ? {} : { strategy }),
    id: node.taskId,
    pool,
    submittedBy: image.submittedBy,
    watch: image.watch,
    orchestrationId: image.spec.id,
    key,
    ...(inputs === undefined ? {} : { inputs }),
    ...(unrunnable === undefined ? {} : { unrunnable }),
  };
}

function inputTooLarge(key: string, size: number): WireError {
  const problem = `The inputs of ${key} have ${size} bytes together, the limit is ${LIMITS.inputBytes}.`;
  return new RotaError('INPUT_TOO_LARGE', problem).toWire();
}

/** States of a task that was submitted and has not ended; after a recovery it may be any of them. */
const OPEN: readonly Node['state'][] = ['pending', 'assigned', 'running'];

function cancel(context: Context, mode: 'abort' | 'drain'): void {
  const submitted = [...context.graph.nodes()].filter(({ state }) => OPEN.includes(state));
  context.graph.skipWaiting();
  for (const node of submitted) {
    context.toPool(node.spec.pool, { type: 'CANCEL', taskIds: [node.taskId], mode });
  }
}

function finish(context: Context, forced?: 'cancelled'): void {
  const { graph, image, turn } = context;
  const bad = [...graph.nodes()].filter((node) => node.state === 'failed' || node.state === 'cancelled');
  const status: TerminalStatus = forced ?? (bad.length > 0 ? 'failed' : 'completed');
  const skipped = graph.skipped();
  const reason = bad.map((node) => `${node.spec.key} ${node.state}`).join(', ');
  const outcome = { orchestrationId: image.spec.id, status, skipped, ...(reason === '' ? {} : { reason }) };
  turn.record({ type: 'orchestrationEnded', atMs: turn.wallMs, ...outcome });
  turn.send(image.submittedBy, { kind: 'orchestrations', item: outcome });
}
