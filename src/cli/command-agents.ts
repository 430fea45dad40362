import { type Clock, sleep } from '../clock.js';
import type { AgentEntry } from '../config/agents-file.js';
import { commandEnvironment } from '../config/settings.js';
import { runCommand } from '../launch/command.js';
import { asRotaError, RotaError } from '../protocol/errors.js';
import type { Assignment } from '../protocol/frames.js';
import type { Json } from '../protocol/json.js';
import { type Agent, type Contact, createAgent, type HandlerContext } from '../sdk/index.js';
import type { Transport } from '../transport/transport.js';
import { createImpatientClock } from './impatient-clock.js';

/** What a command did with a task; whether the coordinator took its result is the coordinator's to say. */
export type CommandEvent = { readonly agentId: string; readonly task: Assignment } & (
  | { readonly kind: 'started' }
  | { readonly kind: 'completed'; readonly elapsedMs: number }
  | { readonly kind: 'failed'; readonly elapsedMs: number; readonly error: RotaError }
);

export interface CommandAgentsOptions {
  readonly entries: readonly AgentEntry[];
  readonly namespace: string;
  readonly clock: Clock;
  /** Asked for each agent; it may be the same connection for all. */
  connect(): Transport;
  onEvent?(event: CommandEvent): void;
  /** Of them together: lost with the first of them, found with the first. */
  onContact?(contact: Contact): void;
}

/**
 * Agents that are commands, in this process.
 *
 * Must hold: when `drain` or `kill` has resolved, and when this process exits, no process that they
 * started is left.
 */
export interface CommandAgents {
  /** Resolves once a coordinator knows all of them. */
  readonly ready: Promise<void>;
  /** Resolves with the first error that stopped one of them; with nothing once all have stopped. */
  readonly stopped: Promise<RotaError | undefined>;
  /** Tasks that they hold now. */
  readonly load: number;
  /** They finish what they have, and leave. */
  drain(): Promise<void>;
  /** They leave at once, and their processes are killed in this call. */
  kill(): Promise<void>;
}

/** How long the leaving of killed agents may take; their coordinator notices without it. */
const LEAVE_MS_MAX = 500;

/** @throws RotaError INVALID_NAME, INVALID_VALUE */
export function startCommandAgents(options: CommandAgentsOptions): CommandAgents {
  const { entries, namespace, clock: patientClock, onEvent = () => {}, onContact = () => {} } = options;
  const clock = createImpatientClock(patientClock);
  const env = commandEnvironment();
  const running = new Map<Promise<Json>, AbortController>();
  let isKilled = false;

  const run = async ({ id, launch }: AgentEntry, task: Assignment, context: HandlerContext): Promise<Json> => {
    if (isKilled) throw stopping();
    const kill = new AbortController();
    const done = runCommand(launch, task, {
      signal: AbortSignal.any([context.signal, kill.signal]),
      clock,
      env,
      onProgress: ({ percent, message }) => context.progress(percent, message),
    });
    running.set(done, kill);
    const startMs = clock.monoMs();
    const elapsed = () => ({ agentId: id, task, elapsedMs: clock.monoMs() - startMs });
    onEvent({ kind: 'started', agentId: id, task });
    try {
      const result = await done;
      onEvent({ kind: 'completed', ...elapsed() });
      return result;
    } catch (thrown) {
      const error = asRotaError(thrown, 'COMMAND_FAILED');
      onEvent({ kind: 'failed', ...elapsed(), error });
      throw error;
    } finally {
      running.delete(done);
    }
  };

  let known: Contact = 'found';
  const noteContact = (contact: Contact): void => {
    if (contact === known) return;
    known = contact;
    onContact(contact);
  };

  const agents = entries.map((entry) => {
    const { launch: _, id, ...profile } = entry;
    return createAgent({
      ...{ ...profile, id, namespace, clock: patientClock, transport: options.connect() },
      handler: (task, context) => run(entry, task, context),
      onContact: noteContact,
    });
  });
  const idle = async (): Promise<void> => {
    while (running.size > 0) await Promise.allSettled(running.keys());
  };
  const killAll = (): void => {
    isKilled = true;
    for (const kill of running.values()) kill.abort(stopping());
    clock.hurry();
  };
  process.once('exit', killAll);

  return {
    ready: Promise.all(agents.map((agent) => agent.ready)).then(() => {}),
    stopped: firstError(agents),
    get load() {
      return agents.reduce((sum, agent) => sum + agent.load, 0);
    },
    async drain() {
      await Promise.all(agents.map((agent) => agent.drain()));
      await idle();
    },
    async kill() {
      // First they stop, so that no killed command is reported as one that failed.
      const left = Promise.all(agents.map((agent) => agent.stop()));
      killAll();
      await Promise.race([left, sleep(patientClock, LEAVE_MS_MAX)]);
      await idle();
    },
  };
}

function firstError(agents: readonly Agent[]): Promise<RotaError | undefined> {
  return new Promise((resolve) => {
    for (const agent of agents) {
      void agent.stopped.then((error) => {
        if (error !== undefined) resolve(error);
      });
    }
    void Promise.all(agents.map((agent) => agent.stopped)).then(() => resolve(undefined));
  });
}

function stopping(): RotaError {
  return new RotaError('CLOSED', 'This process stops.');
}
