import type { Execution } from './performance.js';
import type {
  AgentsTable,
  AttemptsTable,
  DecisionsTable,
  OrchestrationsTable,
  OrchestrationTasksTable,
  PoolsTable,
  RefusalsTable,
  RotationsTable,
  TasksTable,
} from './schema.js';

/** Where in the journal an event stands. */
export interface Place {
  readonly seq: number;
  readonly position: number;
}

/** A row that is new, or takes the place of the one with its key; or new values of one that is there. */
export type Change<Row> =
  | { readonly kind: 'insert'; readonly row: Row }
  | { readonly kind: 'patch'; readonly values: Partial<Row> };

/** The end of an attempt. It applies to an open attempt alone: the first end stands. */
export interface AttemptEnd {
  readonly task_id: string;
  readonly token: number;
  readonly outcome: Exclude<AttemptsTable['outcome'], 'open'>;
  readonly error: string | null;
  readonly ended_at_ms: number;
}

export interface EndChange {
  readonly end: AttemptEnd;
  /** Its attempt is of this batch and has it already. Any other is to be looked for, and may have ended before. */
  readonly isApplied: boolean;
  /** What it says of its agent; nothing where that was deregistered later in the batch. */
  execution: Execution | undefined;
}

/**
 * What a batch of journal rows changes, at most one change for each row of a table. How the journal was
 * cut into batches does not matter. The order in which the tables are written does where one refers to
 * another: agents are deregistered, then changed, and then decisions and performance written.
 */
export interface Changes {
  /** The latest in the batch; 0 where it names none. */
  monoMs: number;
  /** By pool; what is absent stays, or is as in a new pool. */
  readonly pools: Map<string, Partial<Omit<PoolsTable, 'pool'>>>;
  /** Pools whose rotations of earlier batches go, before `rotations`. */
  readonly reset: Set<string>;
  /** By pool and rotation; since the pool's last reset. */
  readonly rotations: Map<string, RotationsTable>;
  /** Agents that earlier batches may have registered: gone, with all that refers to them, before `agents`. */
  readonly deregistered: Set<string>;
  readonly agents: Map<string, Change<AgentsTable>>;
  readonly tasks: Map<string, Change<TasksTable>>;
  /** Attempts of this batch, by task and token, with their end where they ended in it. */
  readonly attempts: Map<string, AttemptsTable>;
  /** In the order of the journal. */
  readonly ends: EndChange[];
  /** In the order of the journal. */
  readonly decisions: DecisionsTable[];
  readonly refusals: RefusalsTable[];
  readonly orchestrations: Map<string, Change<OrchestrationsTable>>;
  readonly orchestrationTasks: OrchestrationTasksTable[];
}

export function noChanges(): Changes {
  return {
    monoMs: 0,
    pools: new Map(),
    reset: new Set(),
    rotations: new Map(),
    deregistered: new Set(),
    agents: new Map(),
    tasks: new Map(),
    attempts: new Map(),
    ends: [],
    decisions: [],
    refusals: [],
    orchestrations: new Map(),
    orchestrationTasks: [],
  };
}

export function patchPool(changes: Changes, pool: string, values: Partial<Omit<PoolsTable, 'pool'>>): void {
  changes.pools.set(pool, { ...changes.pools.get(pool), ...values });
}

export function moveRotation(changes: Changes, row: RotationsTable): void {
  // Names of pools have no space in them.
  changes.rotations.set(`${row.pool} ${row.rotation}`, row);
}

export function resetRotations(changes: Changes, pool: string): void {
  changes.reset.add(pool);
  for (const [key, row] of changes.rotations) if (row.pool === pool) changes.rotations.delete(key);
}

/** The last write of each column wins. */
export function patch<Row extends object>(table: Map<string, Change<Row>>, key: string, values: Partial<Row>): void {
  const change = table.get(key);
  if (change === undefined) table.set(key, { kind: 'patch', values });
  else Object.assign(change.kind === 'insert' ? change.row : change.values, values);
}

/** Executions that count, in their order. `close` ends an attempt of an earlier batch, if it is open. */
export function standing(ends: readonly EndChange[], close: (end: AttemptEnd) => boolean): Execution[] {
  return ends.flatMap(({ end, isApplied, execution }) => {
    const stands = isApplied || close(end);
    return stands && execution !== undefined ? [execution] : [];
  });
}
