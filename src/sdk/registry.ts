import { AgentProfileSchema } from '../protocol/agent.js';
import { validate } from '../protocol/codec.js';
import { OkReply } from '../protocol/frames.js';
import { assertName } from '../protocol/names.js';
import type { Client, RegistryAgent } from './client-api.js';
import type { Line } from './line.js';

/** What programs and operators do to agents that are not their own process. */
export type Registry = Pick<Client, 'registerAgent' | 'deregisterAgent' | 'cordon' | 'uncordon'>;

export function createRegistry(line: Line): Registry {
  const change = async (op: 'deregister' | 'cordon' | 'uncordon', id: string): Promise<void> => {
    await line.ask('registry', { op, agentId: assertName('id', id) }, OkReply);
  };
  return {
    async registerAgent({ id, ...fields }: RegistryAgent): Promise<void> {
      const profile = validate(AgentProfileSchema, fields);
      await line.ask('registry', { op: 'register', agentId: assertName('id', id), profile }, OkReply);
    },
    deregisterAgent: (id) => change('deregister', id),
    cordon: (id) => change('cordon', id),
    uncordon: (id) => change('uncordon', id),
  };
}
