import { unpack } from '#rota/protocol/codec.js';

interface ReportsFrame {
  readonly session: string;
  readonly reports: readonly { outcome: string; taskId: string; token: number; result?: unknown }[];
}

interface SettleFrame {
  readonly settlements: readonly { action: string; taskId: string; token: number; result?: unknown }[];
}

const OUTCOME_OF: Readonly<Record<string, string>> = {
  confirm: 'accepted',
  release: 'rejected',
  complete: 'completed',
  fail: 'failed',
};

/** What agents and clients said of tasks, by who they really are: the principal of the connection that it was said on. */
export class Said {
  readonly #reports = new Set<string>();
  readonly #leaves = new Set<string>();
  readonly #settled = new Set<string>();
  readonly #results = new Map<string, string[]>();

  /** Takes note of what a principal sends. */
  note(principal: string, verb: string, data: Uint8Array): void {
    if (verb === 'report') {
      const { session, reports } = unpack(data) as ReportsFrame;
      for (const { outcome, ...said } of reports) this.#note(`${principal} ${session}`, outcome, said);
    } else if (verb === 'settle') {
      for (const { action, ...said } of (unpack(data) as SettleFrame).settlements) {
        this.#settled.add(`${said.taskId} ${said.token}`);
        this.#note(`${principal} settles`, OUTCOME_OF[action] ?? action, said);
      }
    } else if (verb === 'leave') {
      const { session } = unpack(data) as { session: string };
      this.#leaves.add(`${principal} ${session}`);
    }
  }

  reported(
    { principal, session }: { principal: string; session: string },
    taskId: string,
    token: number,
    outcome: string,
  ) {
    return this.#reports.has(`${principal} ${session} ${taskId} ${token} ${outcome}`);
  }

  settled(principal: string, taskId: string, token: number, outcome: string): boolean {
    return this.#reports.has(`${principal} settles ${taskId} ${token} ${outcome}`);
  }

  /** Whether anybody spoke for it as its client, rightly or not. */
  isSettled(taskId: string, token: number): boolean {
    return this.#settled.has(`${taskId} ${token}`);
  }

  left(principal: string, session: string): boolean {
    return this.#leaves.has(`${principal} ${session}`);
  }

  /** As JSON. */
  results(taskId: string, token: number): readonly string[] {
    return this.#results.get(`${taskId} ${token}`) ?? [];
  }

  #note(who: string, outcome: string, { taskId, token, result }: { taskId: string; token: number; result?: unknown }) {
    this.#reports.add(`${who} ${taskId} ${token} ${outcome}`);
    if (outcome !== 'completed') return;
    const key = `${taskId} ${token}`;
    const said = JSON.stringify(result ?? null);
    const known = this.#results.get(key);
    if (known === undefined) this.#results.set(key, [said]);
    else if (!known.includes(said)) known.push(said);
  }
}
