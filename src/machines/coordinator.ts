import { assign, setup } from 'xstate';

export type CoordinatorEvent =
  | { type: 'RECOVERED'; epoch: number }
  /** The store could not be opened, or a fault of ours stopped an actor. */
  | { type: 'FAILED'; error: Error }
  /** Another coordinator leads the store now. */
  | { type: 'DEPOSED'; error: Error }
  | { type: 'DRAIN' }
  | { type: 'DRAINED' };

/**
 * The coordinator's life, the root of the actor system. It takes requests while `leading`; while
 * `draining` it finishes what it took and takes nothing more.
 */
export const coordinatorMachine = setup({
  types: {
    context: {} as { epoch: number; error?: Error },
    events: {} as CoordinatorEvent,
  },
  actions: {
    keepError: assign({
      error: ({ event }) => ('error' in event ? event.error : new Error('The coordinator stopped.')),
    }),
  },
}).createMachine({
  id: 'coordinator',
  context: { epoch: 0 },
  initial: 'recovering',
  on: {
    FAILED: { target: '.stopped', actions: 'keepError' },
    DEPOSED: { target: '.stopped', actions: 'keepError' },
  },
  states: {
    recovering: {
      on: {
        RECOVERED: { target: 'leading', actions: assign({ epoch: ({ event }) => event.epoch }) },
        DRAIN: 'stopped',
      },
    },
    leading: { on: { DRAIN: 'draining' } },
    draining: { on: { DRAINED: 'stopped' } },
    stopped: { type: 'final' },
  },
});
