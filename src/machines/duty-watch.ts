import type { AgentProfile } from '../protocol/agent.js';
import { dutyAt } from '../selection/working-hours.js';
import { Deadlines } from './deadlines.js';
import type { Turn } from './turn.js';

/** Working hours are looked at so often at least: wall clocks jump. */
const LOOK_MS = 600_000;

/** Looks that lapsed stay in memory, up to this many and twice the agents. */
const SLACK = 1_024;

/** One agent's next look; an older one of the same agent has lapsed. */
interface Look {
  readonly agentId: string;
}

/** When working hours begin and end, from the wall clock of whoever leads. Each agent that has any has one look to come. */
export class DutyWatch {
  readonly #now: Pick<Turn, 'wallMs' | 'monoMs'>;
  readonly #looks = new Deadlines<Look>();
  readonly #next = new Map<string, Look>();

  constructor(now: Pick<Turn, 'wallMs' | 'monoMs'>) {
    this.#now = now;
  }

  /** Looks in memory, those that lapsed included. */
  get size(): number {
    return this.#looks.size;
  }

  isOffDuty({ workingHours }: AgentProfile): boolean {
    return workingHours !== undefined && !dutyAt(workingHours, this.#now.wallMs).isOnDuty;
  }

  watch(agentId: string, { workingHours }: AgentProfile): void {
    this.forget(agentId);
    if (workingHours === undefined) return;
    const { wallMs, monoMs } = this.#now;
    const waitMs = Math.max(1, dutyAt(workingHours, wallMs).untilMs - wallMs);
    const look = { agentId };
    this.#next.set(agentId, look);
    this.#looks.add(monoMs + Math.min(waitMs, LOOK_MS), look);
  }

  forget(agentId: string): void {
    this.#next.delete(agentId);
  }

  /** Agents that are to be looked at now; whoever looks watches them again. */
  takeDue(): string[] {
    const due: string[] = [];
    for (let look = this.#take(); look !== undefined; look = this.#take()) {
      if (!this.#isNext(look)) continue;
      due.push(look.agentId);
      this.#next.delete(look.agentId);
    }
    if (this.#looks.size > 2 * this.#next.size + SLACK) this.#looks.retain((look) => this.#isNext(look));
    return due;
  }

  #take(): Look | undefined {
    return this.#looks.take(this.#now.monoMs);
  }

  #isNext(look: Look): boolean {
    return this.#next.get(look.agentId) === look;
  }
}
