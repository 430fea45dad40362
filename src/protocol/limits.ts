/** Every bound in one place. Each has a typed error where it is checked. */
export const LIMITS = {
  /** One frame on the wire, encoded. */
  frameBytes: 256 * 1024,
  /** One string inside a frame, UTF-8. */
  stringBytes: 64 * 1024,
  /** Nesting of maps and arrays. */
  depth: 16,
  /** Values in one frame, keys and containers included: enough for each array below at its longest. */
  nodes: 65_536,
  /** Ids and names that become subject tokens. */
  nameChars: 64,
  tasksPerFrame: 1_000,
  /** A task's payload, and a result, encoded. */
  payloadBytes: 96 * 1024,
  /** All results that a task gets as its inputs, encoded; with its payload they fit one frame. */
  inputBytes: 128 * 1024,
  tasksPerOrchestration: 10_000,
  /** Tasks of graphs that one turn submits, with their inputs, encoded; what is ready beyond that follows in later turns. */
  fanOutBytes: 4 * 1024 * 1024,
  agentsPerPool: 100_000,
  attempts: 25,
  /** Offers of one task that agents may refuse or ignore before it fails. */
  refusals: 100,
  labels: 32,
  /** Different capabilities, roles and specializations in one pool. */
  labelsPerPool: 1_024,
  /** Different work types that one pool keeps performance of. */
  workTypesPerPool: 256,
  /** Agents that a task may exclude. */
  excludedAgents: 256,
  /** Numbers of an embedding. */
  embedding: 2_048,
  /** Kinds of tasks, by their labels, with a rotation of their own in one pool; all others share one. */
  rotationsPerPool: 256,
  /** Assignments that a pool may remember. */
  historySize: 10_000,
  /** Tasks that one agent may hold at a time, running and prefetched. */
  creditPerAgent: 1_000,
  /** Longest duration that a frame may name: 30 days. */
  durationMs: 30 * 24 * 3_600_000,
  /** Characters of an error message that are kept. */
  errorChars: 4_000,
  /** Rows of the journal that are trimmed at once. */
  rowsPerTrim: 1_000,
  /** Bytes of the journal that one read gives at most, or one row that is larger. */
  bytesPerRead: 1024 * 1024,
  /** Rows that one query answers. */
  rowsPerQuery: 1_000,
  /** Facts that may wait for their commit before submits are refused. */
  uncommittedEvents: 50_000,
  /** The same, as the bytes of the frames that they came from. */
  uncommittedBytes: 64 * 1024 * 1024,
  /** Facts of one row of the journal, by whole turns: the turn that reaches it is the row's last. */
  rowEvents: 4_096,
  /** The same, as the bytes of the frames that they came from: what a store that is slow still takes in good time. */
  rowBytes: 4 * 1024 * 1024,
  /** Rows of the journal that the tables may lack before submits are refused. */
  unmaterialisedRows: 20_000,
  /** Replies that may wait for a commit; beyond that the oldest are dropped, and asked for again. */
  uncommittedReplies: 20_000,
  /** Requests that a coordinator has begun to answer; those who ask beyond that are told to come again. */
  waitingRequests: 20_000,
  /** The same, as the bytes of their frames. */
  waitingBytes: 64 * 1024 * 1024,
  /** The same of questions, which have a room of their own: requests, and bytes of their frames. */
  waitingQuestions: 1_000,
  waitingQuestionBytes: 4 * 1024 * 1024,
} as const;

/** How far a frame may nest and how many values it may have. `LIMITS` itself is what the coordinator takes. */
export interface Bounds {
  readonly depth: number;
  readonly nodes: number;
}

/**
 * What agents and clients take from the coordinator. It puts values of several senders into one
 * frame: a result nests one deeper as an input, and inputs add up until the frame is full (a value
 * takes a byte at least). With the bounds of one sender, such a frame could be sent and never read.
 */
export const COMBINED_BOUNDS: Bounds = { depth: LIMITS.depth + 1, nodes: LIMITS.frameBytes };
