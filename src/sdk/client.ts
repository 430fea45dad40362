import { systemClock } from '../clock.js';
import { armFailpoints, failpoint } from '../failpoints.js';
import { createIds, systemRandom } from '../ids.js';
import { RotaError } from '../protocol/errors.js';
import type { ToFrame } from '../protocol/frames.js';
import { assertName } from '../protocol/names.js';
import type { Client, ClientOptions, Update } from './client-api.js';
import { Handoffs } from './handoffs.js';
import { Line } from './line.js';
import { Outcomes } from './outcomes.js';
import { Peer } from './peer.js';
import { createQuestions } from './questions.js';
import { createRegistry } from './registry.js';
import { createSubmissions } from './submissions.js';
import { unwarned } from './unwarned.js';

const PATIENCE_MS = 30_000;
/** How often a client asks for what it may not have been told. */
const POLL_MS = 2_000;

/** @throws RotaError INVALID_NAME; INVALID_VALUE of ROTA_FAILPOINTS */
export function createClient(options: ClientOptions): Client {
  armFailpoints();
  const { transport, namespace = 'rota', patienceMs = PATIENCE_MS, clock = systemClock, random } = options;
  const ids = createIds(clock, random ?? systemRandom);
  const id = assertName('id', options.id ?? `client-${ids()}`);
  const closing = new AbortController();
  const peer = new Peer({ transport, namespace, principal: id, clock });
  const line = new Line(peer, id, { patienceMs, signal: unwarned(closing.signal) });
  const questions = createQuestions(line);
  const outcomes = new Outcomes(line, questions);
  const handoffs = new Handoffs(line, ids, clock);
  const listeners = new Set<(update: Update) => void>();

  const receive = ({ events = [], progress = [], orchestrations = [] }: ToFrame): void => {
    failpoint('event.received');
    for (const event of events) outcomes.takeTask(event);
    for (const event of orchestrations) outcomes.takeOrchestration(event);
    // Listeners come last: one that throws keeps nobody waiting.
    for (const event of events) handoffs.take(event);
    const updates: Update[] = [
      ...events.map((event): Update => ({ kind: 'task', event })),
      ...progress.map((event): Update => ({ kind: 'progress', event })),
      ...orchestrations.map((event): Update => ({ kind: 'orchestration', event })),
    ];
    for (const update of updates) for (const listener of listeners) listener(update);
  };
  const askAll = (): void => {
    outcomes.ask();
    void handoffs.ask();
  };
  const close = (): void => {
    if (closing.signal.aborted) return;
    const error = new RotaError('CLOSED', 'The client was closed.');
    closing.abort(error);
    for (const end of ends) end();
    outcomes.close(error);
  };
  const ends = [
    peer.listen(receive),
    peer.onLeader(askAll),
    transport.onStatus((status) => {
      if (status === 'connected') askAll();
      if (status === 'closed') close();
    }),
    clock.every(POLL_MS, askAll),
  ];

  return {
    id,
    ...createSubmissions(line, outcomes, ids),
    ...createRegistry(line),
    ...questions,
    result: (taskId, signal) => outcomes.task(taskId, signal),
    results: (taskIds, signal) => outcomes.inOrder(taskIds, signal),
    orchestrationResult: (orchestrationId, signal) => outcomes.orchestration(orchestrationId, signal),
    assign: (task, how) => handoffs.assign(task, how),
    settle: (settlements) => handoffs.settle(settlements),
    onUpdate(listener) {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    close,
    [Symbol.dispose]: close,
  };
}
