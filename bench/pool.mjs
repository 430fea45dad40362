import { AgentProfileSchema } from '../dist/protocol/agent.js';
import { PolicySchema } from '../dist/protocol/policy.js';
import { AssignmentHistory } from '../dist/selection/history.js';
import { OpenLoad } from '../dist/selection/open-load.js';
import { requirementOf } from '../dist/selection/requirement.js';
import { Roster } from '../dist/selection/roster.js';

export const WORK_TYPE = 'review';

/** What a selector keeps of its agents, without the tasks: everything that a choice depends on. */
export class Pool {
  roster = new Roster();
  #policy;
  #history;
  #openLoad;
  #cursor = -1;

  constructor(policy = {}) {
    this.#policy = PolicySchema.parse(policy);
    this.#history = new AssignmentHistory(this.roster, this.#policy);
    this.#openLoad = new OpenLoad(this.roster, this.#policy.scoring.loadMs);
  }

  join(id, profile) {
    const member = this.roster.put(
      id,
      this.roster.nextIndex,
      'bench',
      AgentProfileSchema.parse({ pool: 'p', ...profile }),
    );
    this.roster.setPresence(member, 'online');
  }

  /** A task that anybody may take, but for what `task` says. */
  input({ monoMs = 0, seed = 0, capabilities = [], ...task } = {}) {
    return {
      ...{ roster: this.roster, history: this.#history, openLoad: this.#openLoad },
      ...{ policy: this.#policy, policyVersion: 'bench', cursor: this.#cursor, monoMs, seed },
      task: {
        ...{ id: 'task', workType: WORK_TYPE, priority: 3, attempt: 1, triedBefore: new Set() },
        requirement: requirementOf({ capabilities, roles: [], excludeAgents: [] }),
        ...task,
      },
    };
  }

  assigned(taskId, index, monoMs) {
    const member = this.roster.at(index);
    this.#cursor = index;
    this.#history.push(member.id, taskId, monoMs);
    this.hold(taskId, index, monoMs);
  }

  /** As after a restart: held, and assigned longer ago than the history goes back. */
  hold(taskId, index, monoMs) {
    this.roster.take(this.roster.at(index));
    this.#openLoad.add(taskId, index, monoMs);
  }

  ended(taskId, index, outcome, monoMs) {
    const member = this.roster.at(index);
    this.roster.release(member);
    this.#openLoad.delete(taskId);
    this.roster.note(member, WORK_TYPE, outcome, monoMs);
  }
}
