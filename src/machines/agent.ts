import { assign, setup } from 'xstate';
import type { Presence } from '../protocol/agent.js';
import type { SelectorEvent } from './selector-events.js';

export type AgentEvent =
  | { type: 'REGISTERED'; monoMs: number }
  | { type: 'HEARTBEAT'; monoMs: number }
  | { type: 'TICK'; monoMs: number }
  | { type: 'DRAIN' }
  | { type: 'LEAVE' }
  | { type: 'FORGET' };

export interface AgentInput {
  readonly agentId: string;
  readonly presence: Presence;
  /** Its leases end when it has been silent for so long; half of that makes it suspect. */
  readonly leaseMs: number;
  readonly monoMs: number;
  readonly toSelector: (event: SelectorEvent) => void;
}

interface Context extends AgentInput {
  readonly lastSeenMs: number;
}

/**
 * One agent's liveness, from its heartbeats. It tells its selector when the presence changes. Whether
 * an online agent is busy is not a state here: the roster's load says so, and a message for each task
 * would cost more than choosing the agent does.
 *
 * `joining` resolves at once to the presence that the agent had when the actor was made. `forgotten` ends it and says
 * nothing: its selector has the agent no longer, or nobody watches for its heartbeats any more.
 */
export const agentMachine = setup({
  types: {
    context: {} as Context,
    input: {} as AgentInput,
    events: {} as AgentEvent,
  },
  guards: {
    isSilent: ({ context, event }) => silence(context, event) >= context.leaseMs,
    isLate: ({ context, event }) => silence(context, event) >= context.leaseMs / 2,
  },
  actions: {
    seen: assign({ lastSeenMs: ({ context, event }) => ('monoMs' in event ? event.monoMs : context.lastSeenMs) }),
    tell: ({ context }, { presence, why }: { presence: Presence; why?: 'went silent' }) =>
      context.toSelector({ type: 'PRESENCE', agentId: context.agentId, presence, why: why ?? 'said so' }),
  },
}).createMachine({
  id: 'agent',
  context: ({ input }) => ({ ...input, lastSeenMs: input.monoMs }),
  initial: 'joining',
  on: {
    REGISTERED: { target: '.online', actions: ['seen', { type: 'tell', params: { presence: 'online' } }] },
    LEAVE: { target: '.offline', actions: { type: 'tell', params: { presence: 'offline' } } },
    FORGET: '.forgotten',
  },
  states: {
    joining: {
      always: [
        { guard: ({ context }) => context.presence === 'offline', target: 'offline' },
        { guard: ({ context }) => context.presence === 'draining', target: 'draining' },
        { guard: ({ context }) => context.presence === 'suspect', target: 'suspect' },
        { target: 'online' },
      ],
    },
    online: {
      on: {
        HEARTBEAT: { actions: 'seen' },
        DRAIN: { target: 'draining', actions: { type: 'tell', params: { presence: 'draining' } } },
        TICK: { guard: 'isLate', target: 'suspect', actions: { type: 'tell', params: { presence: 'suspect' } } },
      },
    },
    suspect: {
      on: {
        HEARTBEAT: { target: 'online', actions: ['seen', { type: 'tell', params: { presence: 'online' } }] },
        DRAIN: { target: 'draining', actions: { type: 'tell', params: { presence: 'draining' } } },
        TICK: {
          guard: 'isSilent',
          target: 'offline',
          actions: { type: 'tell', params: { presence: 'offline', why: 'went silent' } },
        },
      },
    },
    draining: {
      on: {
        HEARTBEAT: { actions: 'seen' },
        TICK: {
          guard: 'isSilent',
          target: 'offline',
          actions: { type: 'tell', params: { presence: 'offline', why: 'went silent' } },
        },
      },
    },
    // What it held is gone: only registering brings it back, which says what it is and whether it drains.
    offline: {},
    forgotten: { type: 'final' },
  },
});

/** When the agent should be looked at again; undefined when nothing is due. */
export function nextLookMs(state: string, context: { lastSeenMs: number; leaseMs: number }): number | undefined {
  if (state === 'offline' || state === 'forgotten') return undefined;
  return context.lastSeenMs + (state === 'online' ? context.leaseMs / 2 : context.leaseMs);
}

function silence(context: Context, event: AgentEvent): number {
  return 'monoMs' in event ? event.monoMs - context.lastSeenMs : 0;
}
