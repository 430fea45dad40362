import { createActor } from 'xstate';
import { sleep } from '../clock.js';
import { createIds } from '../ids.js';
import { coordinatorMachine } from '../machines/coordinator.js';
import { asRotaError } from '../protocol/errors.js';
import { createSubjects } from '../protocol/subjects.js';
import type { Transport } from '../transport/transport.js';
import { Intake } from './intake.js';
import { Leader, type LeaderOptions } from './leader.js';
import { Outbox } from './outbox.js';

export interface CoordinatorOptions
  extends Pick<
    LeaderOptions,
    | 'store'
    | 'namespace'
    | 'timing'
    | 'clock'
    | 'random'
    | 'log'
    | 'version'
    | 'ruleOf'
    | 'threads'
    | 'createAvailability'
    | 'rateLimit'
  > {
  readonly transport: Transport;
}

export interface Coordinator {
  /** `leading` until it was told to stop, or can't go on. */
  readonly state: 'recovering' | 'leading' | 'draining' | 'stopped';
  readonly epoch: number;
  /** Resolves when it has stopped: with the error that stopped it, or with nothing. */
  readonly stopped: Promise<Error | undefined>;
  /** Takes nothing more, commits and sends what it took, and stops. The store and transport stay open. */
  stop(): Promise<void>;
  [Symbol.asyncDispose](): Promise<void>;
}

/** How long a coordinator that stops waits for a store that takes no commits. */
const DRAIN_MS_MAX = 5_000;

/**
 * Takes leadership of the store, recovers what it holds, and serves. Resolves once it leads.
 *
 * @throws RotaError STORE_FAILED, SCHEMA_MISMATCH
 */
export async function startCoordinator(options: CoordinatorOptions): Promise<Coordinator> {
  const { transport, store, namespace, timing, clock, random, log } = options;
  const subjects = createSubjects(namespace);
  const ids = createIds(clock, random);
  const root = createActor(coordinatorMachine, { systemId: 'coordinator' });
  root.start();

  const outbox = new Outbox(transport, subjects, (receiver, error) =>
    log.warn({ receiver, code: error.code }, 'not delivered'),
  );
  const onFault = (fault: unknown) => root.send({ type: 'FAILED', error: asRotaError(fault, 'UNAVAILABLE') });
  const recovered = await store.lead(ids());
  const leader = new Leader(
    {
      ...{ ...options, root, ids, outbox },
      onEnded: (error) => root.send({ type: 'DEPOSED', error }),
      onStall: (error) =>
        error === undefined
          ? log.info('the store takes commits again')
          : log.error({ code: error.code, err: error }, 'the store takes no commits; trying again'),
      onFault,
    },
    recovered,
  );
  root.send({ type: 'RECOVERED', epoch: recovered.epoch });

  const intake = new Intake(leader, outbox, subjects, log);
  const unsubscribe = transport.subscribe(subjects.intake, intake.receive);
  const stopTicking = clock.every(timing.tickMs, () => leader.tick());
  await transport.flush().catch((error: unknown) => log.warn({ err: error }, 'not connected yet'));
  log.info({ namespace, epoch: recovered.epoch, store: store.description }, 'leading');

  const stopped = new Promise<Error | undefined>((resolve) => {
    root.subscribe({
      error: (error) => resolve(asRotaError(error, 'UNAVAILABLE')),
      complete() {
        unsubscribe();
        stopTicking();
        leader.stop();
        const { error } = root.getSnapshot().context;
        if (error !== undefined) log.error({ err: error }, 'stopped');
        resolve(error);
      },
    });
  });

  const stop = async () => {
    if (root.getSnapshot().value === 'leading') {
      root.send({ type: 'DRAIN' });
      const drained = intake.close().then(() => leader.idle());
      const over = new AbortController();
      const patience = sleep(clock, DRAIN_MS_MAX, over.signal).then(() => false);
      const isDrained = await Promise.race([drained.then(() => true), patience]);
      // A timer that is left would keep the process alive.
      over.abort();
      if (!isDrained) log.error('the store took no commits: what it did not take was not acknowledged');
      await transport.flush().catch(() => {});
      root.send({ type: 'DRAINED' });
    }
    await stopped;
  };

  return {
    get state() {
      return root.getSnapshot().value;
    },
    epoch: recovered.epoch,
    stopped,
    stop,
    [Symbol.asyncDispose]: stop,
  };
}
