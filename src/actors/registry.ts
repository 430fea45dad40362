import type { AgentProfile } from '../protocol/agent.js';
import { decode } from '../protocol/codec.js';
import { RotaError } from '../protocol/errors.js';
import { RegistryFrame } from '../protocol/frames.js';
import { LIMITS } from '../protocol/limits.js';
import type { Handler } from './handler.js';
import type { Leader } from './leader.js';

/** What operators and programs do to agents that are not their own process. */
export const registry: Handler = (leader, _sender, bytes, answer) => {
  const frame = decode(RegistryFrame, bytes);
  leader.assertRoom();
  const { agentId } = frame;
  if (frame.op === 'register') return update(leader, agentId, frame.profile, answer);
  const pool = leader.system.poolOf(agentId);
  if (pool === undefined) throw noSuchAgent(agentId);
  leader.turn(() => {
    if (frame.op === 'deregister') {
      leader.system.toPool(pool, { type: 'DEREGISTER', agentId });
      leader.system.agentForgotten(agentId);
    } else {
      leader.system.toPool(pool, { type: 'CORDON', agentId, isCordoned: frame.op === 'cordon' });
    }
    answer({});
  });
};

/** For whoever asks about another agent: unlike the agent itself, it can't register it again. */
function noSuchAgent(agentId: string): RotaError {
  return new RotaError('UNKNOWN_AGENT', `Agent ${agentId} is not registered.`, {
    field: 'agentId',
    retryable: false,
    remedy: 'Check the id; `rota agents` lists those that are.',
  });
}

function update(leader: Leader, agentId: string, profile: AgentProfile, answer: (frame: object) => void): void {
  assertRoom(leader, agentId, profile);
  leader.turn(() => {
    leader.system.toPool(profile.pool, { type: 'UPDATE', agentId, profile });
    leader.system.agentListed(agentId, profile);
    leader.availability.look(profile.pool);
    answer({});
  });
}

/**
 * Whether the pool can take this agent.
 *
 * @throws RotaError POOL_MISMATCH, POOL_FULL, LABELS_FULL, INVALID_VALUE
 */
export function assertRoom(leader: Leader, agentId: string, profile: AgentProfile): void {
  const known = leader.system.poolOf(agentId);
  if (known !== undefined && known !== profile.pool) {
    throw new RotaError('POOL_MISMATCH', `Agent ${agentId} is in pool ${known}, not ${profile.pool}.`, {
      field: 'profile.pool',
    });
  }
  const roster = leader.system.selector(profile.pool)?.roster;
  if (roster === undefined) return;
  if (known === undefined && roster.size >= LIMITS.agentsPerPool) {
    throw new RotaError('POOL_FULL', `Pool ${profile.pool} has ${LIMITS.agentsPerPool} agents.`);
  }
  if (!roster.hasRoomFor(agentId, profile)) {
    const problem = `Pool ${profile.pool} has ${LIMITS.labelsPerPool} different labels, and agent ${agentId} brings more.`;
    throw new RotaError('LABELS_FULL', problem, { field: 'profile' });
  }
  const fault = roster.embeddingFault(agentId, profile);
  if (fault !== undefined) throw fault;
}
