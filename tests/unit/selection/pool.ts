import { type AgentProfile, type AgentProfileInput, AgentProfileSchema } from '#rota/protocol/agent.js';
import { type Policy, type PolicyInput, PolicySchema } from '#rota/protocol/policy.js';
import { type DecideInput, type DecideTask, decide } from '#rota/selection/decide.js';
import { AssignmentHistory } from '#rota/selection/history.js';
import { OpenLoad } from '#rota/selection/open-load.js';
import { requirementOf } from '#rota/selection/requirement.js';
import { type Member, Roster } from '#rota/selection/roster.js';
import { Rotations } from '#rota/selection/rotations.js';
import type { ListedTask } from './reference.js';

export function profileOf(fields: Partial<AgentProfileInput> = {}): AgentProfile {
  return AgentProfileSchema.parse({ pool: 'p', ...fields });
}

export function policyOf(fields: PolicyInput = {}): Policy {
  return PolicySchema.parse(fields);
}

function taskOf(fields: Partial<ListedTask> = {}): DecideTask {
  const task = { capabilities: [], roles: [], excludeAgents: [], triedBefore: new Set<string>(), ...fields };
  const { id = 't', workType = 'default', attempt = 1, triedBefore } = task;
  return { id, workType, attempt, priority: 3, triedBefore, requirement: requirementOf(task) };
}

/** One pool with the state that a selector keeps, and the few things that it does with it. */
export class TestPool {
  readonly roster = new Roster();
  readonly rotations = new Rotations();
  readonly history: AssignmentHistory;
  readonly openLoad: OpenLoad;
  policy: Policy;
  monoMs = 0;
  #taskCount = 0;

  constructor(policy: PolicyInput = {}) {
    this.policy = policyOf(policy);
    this.history = new AssignmentHistory(this.roster, this.policy);
    this.openLoad = new OpenLoad(this.roster, this.policy.scoring.loadMs);
  }

  /** Registers an agent that is online, unless said otherwise. */
  join(id: string, fields: Partial<AgentProfileInput> = {}): Member {
    const member = this.roster.put(id, this.roster.nextIndex, 's', profileOf(fields));
    this.roster.setPresence(member, 'online');
    return member;
  }

  input(task: Partial<ListedTask> = {}, fields: Partial<DecideInput> = {}): DecideInput {
    const { roster, history, openLoad, policy, monoMs } = this;
    const asked = taskOf(task);
    const cursor = this.rotations.cursorOf(asked.requirement.labelsKey);
    const given = { roster, history, openLoad, policy, policyVersion: 'v1', cursor, monoMs, seed: 1 };
    return { ...given, task: asked, ...fields };
  }

  decide(task: Partial<ListedTask> = {}, fields: Partial<DecideInput> = {}) {
    return decide(this.input(task, fields));
  }

  /** Decides and assigns; answers the agent's id. */
  assign(task: Partial<ListedTask> = {}, fields: Partial<DecideInput> = {}): string | undefined {
    const choice = this.decide({ id: `t${this.#taskCount++}`, ...task }, fields);
    if (choice !== undefined) this.hold(choice.member, task.id ?? `t${this.#taskCount - 1}`, task);
    return choice?.member.id;
  }

  hold(member: Member, taskId: string, task: Partial<ListedTask> = {}): void {
    this.roster.take(member);
    this.openLoad.add(taskId, member.index, this.monoMs);
    this.history.push(member.id, taskId, this.monoMs);
    this.rotations.move(this.rotations.keyFor(taskOf(task).requirement.labelsKey), member.index);
  }

  letGo(member: Member, taskId: string): void {
    this.roster.release(member);
    this.openLoad.delete(taskId);
  }
}
