import { assign, setup } from 'xstate';

export type CoordinatorEvent =
  /** What the store gave back is taken up: work goes on. */
  | { type: 'BEGUN' }
  /** A fault of ours stopped an actor. */
  | { type: 'FAILED'; error: Error }
  /** Another coordinator leads the store now, or the store is closed. */
  | { type: 'DEPOSED'; error: Error }
  | { type: 'DRAIN' }
  | { type: 'DRAINED' };

/**
 * A term of a coordinator that leads, the root of the actor system. It takes requests while `leading`; while
 * `draining` it finishes what it took and takes nothing more.
 */
export const coordinatorMachine = setup({
  types: {
    context: {} as { error?: Error },
    events: {} as CoordinatorEvent,
  },
  actions: {
    keepError: assign({
      error: ({ event }) => ('error' in event ? event.error : new Error('The coordinator stopped.')),
    }),
  },
}).createMachine({
  id: 'coordinator',
  context: {},
  initial: 'recovering',
  on: {
    FAILED: { target: '.stopped', actions: 'keepError' },
    DEPOSED: { target: '.stopped', actions: 'keepError' },
  },
  states: {
    recovering: { on: { BEGUN: 'leading', DRAIN: 'draining' } },
    leading: { on: { DRAIN: 'draining' } },
    draining: { on: { DRAINED: 'stopped' } },
    stopped: { type: 'final' },
  },
});
