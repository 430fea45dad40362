import type { Ack, Assignment, CancelNotice, OrchestrationEvent, ProgressEvent } from '../protocol/frames.js';
import type { JournalEvent } from '../protocol/journal.js';
import type { TaskEvent } from '../protocol/task.js';
import type { ScoreJob } from '../selection/score-job.js';

/** What a frame to a principal may hold, by the field that it travels in. */
export interface ParcelItems {
  readonly assignments: Assignment;
  readonly acks: Ack;
  readonly cancels: CancelNotice;
  readonly events: TaskEvent;
  readonly orchestrations: OrchestrationEvent;
  readonly progress: ProgressEvent;
}

/** One thing for one receiver; all that one turn has for it leaves in one frame. */
export type Parcel = {
  [K in keyof ParcelItems]: { readonly kind: K; readonly item: ParcelItems[K] };
}[keyof ParcelItems];

/** One run of a scorer for one task. */
export interface ScoringRun {
  readonly pool: string;
  readonly taskId: string;
  /** Tells it from other runs for the same task. */
  readonly run: number;
  readonly job: ScoreJob;
}

/**
 * What a machine is given and what it hands back. Everything that it decides goes out here as data;
 * time, chance and ids come in here as values. The coordinator performs it: it writes the journal
 * first, and lets parcels leave once that is committed.
 */
export interface Turn {
  /** For records that people read. */
  readonly wallMs: number;
  /** For deadlines and windows. Goes on where the leader before left it, and stands still while nobody leads. */
  readonly monoMs: number;
  /** In [0, 1). */
  random(): number;
  /**
   * Takes room for a task of a graph. One result may be the input of thousands, so a turn has room for some of them
   * alone; whoever gets none asks again in a later turn.
   */
  takeRoom(bytes: number): boolean;
  /** A fact for the journal. The caller has applied it to its own state already. */
  record(event: JournalEvent): void;
  /** Something for an agent or a client, after the commit. */
  send(principal: string, parcel: Parcel): void;
  /** Work for the scoring threads. The answer comes as a `SCORED` event, in a later turn. */
  score(run: ScoringRun): void;
}
