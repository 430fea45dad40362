import type { AgentProfile, Presence } from '../protocol/agent.js';
import type { WireError } from '../protocol/errors.js';
import type { Held, Progress, Report, Settlement } from '../protocol/frames.js';
import type { TaskRecord } from '../protocol/journal.js';
import type { TaskStatus } from '../protocol/task.js';
import type { ScoreOutcome } from '../selection/score-job.js';

export interface NewTask extends Omit<TaskRecord, 'order' | 'createdAtMs'> {
  /** Known from the start to be impossible: it fails at once, without an attempt. */
  readonly unrunnable?: WireError;
}

/** What is known of a task that this selector does not have: it was forgotten, or is another pool's. */
export interface ElsewhereTask {
  readonly status: TaskStatus;
  readonly token: number;
  readonly agentId?: string;
  /** The client that hands it over, where one does. */
  readonly handedOverBy?: string;
}

/** What a selector is told. */
export type SelectorEvent =
  | { type: 'SUBMIT'; tasks: readonly NewTask[] }
  | { type: 'REGISTER'; agentId: string; session: string; profile: AgentProfile }
  /** What the registry says of an agent, which its process may not have said. */
  | { type: 'UPDATE'; agentId: string; profile: AgentProfile }
  | { type: 'DEREGISTER'; agentId: string }
  | { type: 'CORDON'; agentId: string; isCordoned: boolean }
  | { type: 'PRESENCE'; agentId: string; presence: Presence; why: 'said so' | 'went silent' }
  | { type: 'HEARTBEAT'; agentId: string; held: readonly Held[] }
  | {
      type: 'REPORT';
      agentId: string;
      session: string;
      reports: readonly Report[];
      /** What is known of the tasks that this selector does not have. */
      elsewhere: ReadonlyMap<string, ElsewhereTask>;
    }
  | {
      type: 'SETTLE';
      principal: string;
      settlements: readonly Settlement[];
      elsewhere: ReadonlyMap<string, ElsewhereTask>;
      /** Told of each, in their order; `code` says why it was refused. */
      answer: (settlement: Settlement, code: string | undefined) => void;
    }
  | { type: 'PROGRESS'; agentId: string; progress: readonly Progress[] }
  | { type: 'CANCEL'; taskIds: readonly string[]; mode: 'abort' | 'drain' }
  /** A run of a scorer ended. */
  | { type: 'SCORED'; taskId: string; run: number; outcome: ScoreOutcome }
  /** What ended before `settledMs` is in the store's tables and may be forgotten. */
  | { type: 'TICK'; settledMs: number }
  /** After recovery, before anything else. */
  | { type: 'RESUME' };
