import type { OrchestrationInput } from '#rota/protocol/task.js';
import type { SubmitTask } from '#rota/sdk/index.js';
import type { Dice } from './dice.js';
import type { Extent } from './extent.js';
import { type AgentPlan, CAPABILITIES, ROLES, WORK_TYPES } from './staff.js';

/** What a client does, and when. */
export type Errand = { readonly atMs: number } & (
  | { readonly kind: 'submit'; readonly tasks: readonly PlannedTask[]; readonly watchesAll: boolean }
  | { readonly kind: 'orchestrate'; readonly orchestration: OrchestrationInput }
  | { readonly kind: 'assign'; readonly task: PlannedTask; readonly acceptTimeoutMs: number | undefined }
  /** Of what this client submitted by then, the nth from the end. */
  | { readonly kind: 'cancel'; readonly nth: number }
  | { readonly kind: 'cancelOrchestration'; readonly id: string; readonly mode: 'abort' | 'drain' }
  | { readonly kind: 'repeat'; readonly nth: number }
  | { readonly kind: 'cordon' | 'uncordon' | 'deregister'; readonly agentId: string }
  | { readonly kind: 'ask'; readonly question: 'tasks' | 'explain' | 'replay' | 'metrics' | 'task' }
);

export type PlannedTask = SubmitTask & { readonly id: string };

export interface ErrandsInput {
  readonly client: string;
  readonly pools: readonly string[];
  readonly agents: readonly AgentPlan[];
  readonly extent: Extent;
  readonly untilMs: number;
}

/** By then agents have registered, mostly: of a pool without any, tasks may fail at once. */
const EARLIEST_MS = 200;

export function drawErrands(dice: Dice, { client, pools, agents, extent, untilMs }: ErrandsInput): Errand[] {
  const draw = new TaskDraw(dice, client, pools, agents);
  const errands: Errand[] = [];
  const atMs = () => dice.between(EARLIEST_MS, untilMs * 0.7);
  for (let left = dice.int(1, extent.submitsMax); left > 0; left--) {
    const tasks = Array.from({ length: dice.pick([1, 1, 2, 3]) }, () => draw.task());
    errands.push({ kind: 'submit', atMs: atMs(), tasks, watchesAll: dice.chance(0.3) });
  }
  if (dice.chance(0.2)) {
    const orchestration = draw.orchestration();
    const startMs = atMs();
    errands.push({ kind: 'orchestrate', atMs: startMs, orchestration });
    if (dice.chance(0.3)) {
      const mode = dice.pick(['abort', 'drain'] as const);
      errands.push({ kind: 'cancelOrchestration', atMs: startMs + dice.between(0, 2_000), id: orchestration.id, mode });
    }
  }
  for (let left = dice.pick([0, 0, 0, 1]); left > 0; left--) {
    const acceptTimeoutMs = dice.pick([undefined, 800]);
    errands.push({ kind: 'assign', atMs: atMs(), task: draw.task(), acceptTimeoutMs });
  }
  for (let left = dice.int(0, extent.submitsMax); left > 0; left--)
    errands.push({ ...drawSmall(dice, agents), atMs: atMs() });
  return errands.sort((a, b) => a.atMs - b.atMs);
}

function drawSmall(dice: Dice, agents: readonly AgentPlan[]): Errand {
  const agentId = dice.pick(agents).id;
  const kind = dice.weighted({ cancel: 4, repeat: 3, cordon: 1, uncordon: 1, deregister: 1, ask: 2 });
  switch (kind) {
    case 'cancel':
    case 'repeat':
      return { atMs: 0, kind, nth: dice.int(1, 3) };
    case 'ask':
      return { atMs: 0, kind, question: dice.pick(['tasks', 'explain', 'replay', 'metrics', 'task'] as const) };
    default:
      return { atMs: 0, kind, agentId };
  }
}

/** Tasks of one client, each with an id of its own. */
class TaskDraw {
  readonly #dice: Dice;
  readonly #client: string;
  readonly #pools: readonly string[];
  readonly #agents: readonly AgentPlan[];
  #drawn = 0;

  constructor(dice: Dice, client: string, pools: readonly string[], agents: readonly AgentPlan[]) {
    this.#dice = dice;
    this.#client = client;
    this.#pools = pools;
    this.#agents = agents;
  }

  task(): PlannedTask {
    const pool = this.#dice.pick(this.#pools);
    return { ...this.#fields(pool), pool, id: this.#id() };
  }

  orchestration(): OrchestrationInput {
    const dice = this.#dice;
    const keys = ['k1', 'k2', 'k3', 'k4'].slice(0, dice.int(2, 4));
    const tasks = keys.map((key, nth) => {
      const pool = dice.pick(this.#pools);
      return { ...this.#fields(pool), key, pool, dependsOn: dice.some(keys.slice(0, nth), 0.6) };
    });
    return { id: `${this.#client}-o1`, name: 'graph', tasks };
  }

  /** Some sort by time, as the client's own do, and some don't. */
  #id(): string {
    const nth = this.#drawn++;
    if (this.#dice.chance(0.5)) return `${this.#client}-t${nth}`;
    const time = (this.#dice.int(1, 99) * 100 + nth).toString().padStart(6, '0');
    return `01HF${time}${this.#client.toUpperCase()}`.padEnd(26, '0');
  }

  #fields(pool: string) {
    const dice = this.#dice;
    const isPicky = dice.chance(0.3);
    const own = this.#agents.filter(({ profile }) => profile.pool === pool);
    // The first of a pool can take everything, so it is never the one that is left out.
    const others = own.slice(1).map(({ id }) => id);
    return {
      workType: dice.pick(WORK_TYPES),
      priority: dice.pick([3, 3, 1, 5]),
      maxAttempts: dice.int(1, 4),
      backoffMs: dice.pick([0, 200, 1_000, 2_000]),
      ...(dice.chance(0.5) ? { timeoutMs: dice.pick([300, 1_000, 3_000]) } : {}),
      ...(isPicky ? { capabilities: dice.some(CAPABILITIES, 0.5), roles: dice.some(ROLES, 0.5) } : {}),
      ...(dice.chance(0.1) ? { excludeAgents: dice.some(others, 0.5) } : {}),
      ...(dice.chance(0.05) ? { assignee: (own[0] as AgentPlan).id } : {}),
      payload: { note: `${pool}${this.#drawn}` },
    };
  }
}
