/** A bug, planted into a copy of the compiled code: what to find there, exactly once, and what to put in its place. */
export interface Mutant {
  readonly name: string;
  /** The invariant that it breaks. */
  readonly invariant: string;
  readonly edits: readonly { readonly file: string; readonly find: string; readonly replace: string }[];
}

function mutant(invariant: string, name: string, ...edits: [file: string, find: string, replace: string][]): Mutant {
  return { invariant, name, edits: edits.map(([file, find, replace]) => ({ file, find, replace })) };
}

const LEADER = 'actors/leader.js';
const SELECTOR = 'machines/selector.js';
const VERDICT = 'machines/verdict.js';
const STATE = 'machines/pool-state.js';
const PLACEMENT = 'machines/placement.js';
const TASK = 'machines/task.js';
const STORE = 'store/memory.js';
const HISTORY = 'selection/history.js';
const SUBMIT = 'actors/requests.js';

/** One at least for each invariant but I7: there are no locks of files yet. */
export const MUTANTS: readonly Mutant[] = [
  mutant('I1', 'answers before the commit', [LEADER, 'outbox.reply(subject, frame)', 'outbox.respond(subject, frame)']),
  mutant(
    'I1',
    'takes every id for a new one',
    ['actors/newest-id.js', 'return id > this.#newest && isTimeSorted(id)', 'return true'],
    [SUBMIT, 'if (!known.has(id) && !leader.system.isTaken(id))', ''],
    [SELECTOR, 'if (this.task(fields.id) !== undefined)', 'if (false)'],
  ),
  mutant('I1', 'guesses that a commit was made', [
    'actors/journal.js',
    'if (this.#end(error))\n                    return false;',
    'return !this.#end(error);',
  ]),
  mutant('I2', 'refuses a report without a record', [
    SELECTOR,
    'this.#refuse(agentId, taskId, token, code);\n            const answer',
    ';\n            const answer',
  ]),
  mutant('I2', 'keeps another result than the one reported', [
    SELECTOR,
    'const { result, durationMs } = report;',
    'const { durationMs } = report; const result = { by: agentId, token: token + 1 };',
  ]),
  mutant('I3', 'forgets the token when it restores a task', ['machines/pool-task.js', 'task.token = image.token;', '']),
  mutant('I3', 'counts tokens by attempts', [PLACEMENT, 'token: task.token + 1', 'token: task.attempt + 1']),
  mutant('I4', 'drops the check of the token', [VERDICT, ' || known.token !== report.token', '']),
  mutant('I4', 'refuses the outcome of what was not accepted', [VERDICT, 'isHeld(status) ?', "status === 'running' ?"]),
  mutant('I5', 'appends for whoever was deposed', [STORE, 'if (row.epoch !== this.#leader?.epoch)', 'if (false)']),
  mutant('I5', 'leads again under the same epoch', [STORE, '(leader?.epoch ?? 0) + 1', '(leader?.epoch ?? 1)']),
  mutant('I6', 'gives an agent one more than it may have', [
    'selection/roster.js',
    'load >= profile.maxConcurrency + profile.prefetch',
    'load > profile.maxConcurrency + profile.prefetch',
  ]),
  mutant('I6', 'starts one handler more than it may', [
    'sdk/work.js',
    'this.#running < this.#options.maxConcurrency',
    'this.#running <= this.#options.maxConcurrency',
  ]),
  mutant('I8', 'begins the rotation anew at failover', [STATE, 'this.rotations.restore(image.rotations);', '']),
  mutant('I8', 'serves the one served last again', [
    'selection/strategies/round-robin.js',
    'candidates.next(cursor)',
    'candidates.next(cursor - 1)',
  ]),
  mutant('I9', 'does not line up what waits at failover', ['actors/recovery.js', 'selector.lineUp();', '']),
  mutant('I9', 'forgets what waits for its backoff', [
    SELECTOR,
    'task.scoringRun === 0 && task.notBeforeMs <= monoMs',
    'false',
  ]),
  mutant('I10', 'allows one attempt too many', [SELECTOR, 'task.attempt >= maxAttempts', 'task.attempt > maxAttempts']),
  mutant('I10', 'records a backoff and does not wait', [
    STATE,
    'task.notBeforeMs = backoffMs > 0 ? task.readyMs : 0;',
    'task.notBeforeMs = 0;',
  ]),
  mutant('I10', 'makes no pause between attempts', [
    SELECTOR,
    'return backoffMs(baseMs, attempt, this.#turn.random());',
    'return 0;',
  ]),
  mutant('I11', 'sends an assignment before its commit', [
    LEADER,
    'outbox.send(principal, parcel);',
    'outbox.deliver({ replies: [], parcels: new Map([[principal, [parcel]]]) });',
  ]),
  mutant('I11', 'forgets the history at failover', [STATE, 'this.history.restore(image.history);', '']),
  mutant('I12', 'lets the history grow', [
    HISTORY,
    'if (this.#size === historySize)\n            this.#dropOldest();',
    '',
  ]),
  mutant('I12', 'keeps what has ended', [
    SELECTOR,
    'this.state.forget(Math.min(settledMs, monoMs - KEEP_ENDED_MS));',
    '',
  ]),
  mutant(
    'I13',
    'cancels what has ended',
    [TASK, 'completed: refuseAll()', "completed: { ...refuseAll(), cancel: 'cancelled' }"],
    [
      SELECTOR,
      'if (task === undefined || isTerminal(task.status))\n                continue;',
      'if (task === undefined) continue;',
    ],
  ),
  mutant('I13', 'accepts twice', [
    SELECTOR,
    "if (task.status === 'assigned')\n                    this.#record",
    'this.#record',
  ]),
  mutant('I14', 'decides by the wall clock', [
    'actors/lease.js',
    'return this.#standsAtMs - this.#skippedMs;',
    'const { clock } = this.#options; return (this.aheadMs ??= this.#standsAtMs - this.#skippedMs - clock.wallMs()) + clock.wallMs();',
  ]),
  mutant('I14', 'ignores the fence', ['actors/lease.js', '< Math.min(this.#untilMs, this.#heldMs)', '< Infinity']),
  mutant('I15', 'keeps the lease of what is cancelled', [
    STATE,
    '#end(task, transition) {\n        this.#letGo(task);',
    "#end(task, transition) {\n        if (transition !== 'cancel') this.#letGo(task);",
  ]),
  mutant(
    'I15',
    'takes the result of what is cancelled',
    [TASK, 'cancelled: refuseAll()', "cancelled: { ...refuseAll(), complete: 'completed' }"],
    [
      VERDICT,
      'if (isTerminal(status))\n        return isRepeated',
      "if (isTerminal(status) && status !== 'cancelled')\n        return isRepeated",
    ],
    [VERDICT, 'isHeld(status) ?', "(isHeld(status) || status === 'cancelled') ?"],
  ),
  mutant('I16', 'lets a task run for ever', [
    SELECTOR,
    "if (task.status === 'running' && task.timeoutAtMs <= monoMs)",
    'if (false)',
  ]),
  mutant('I16', 'reports once', [
    'sdk/reports.js',
    'clock.every(RESEND_MS, () => this.#resendBefore(clock.monoMs() - RESEND_MS))',
    '() => {}',
  ]),
  mutant('I16', 'forgets of a graph what a turn has no room for', ['actors/system.js', 'this.#catchUp();', '']),
  mutant('I17', 'forgets at failover who is cordoned', [
    'store/images.js',
    'isCordoned: row.cordoned === 1',
    'isCordoned: false',
  ]),
  mutant('I17', 'leads without the rows that the tables lack', [
    'actors/recovery.js',
    'for (const row of recovered.tail)',
    'for (const row of [])',
  ]),
  mutant('I17', 'forgets at failover how agents have done', [STATE, 'this.roster.restorePerformance(one);', ';']),
  mutant('I18', 'believes whoever reports', [VERDICT, 'known.agentId !== agentId || ', '']),
  mutant('I18', 'believes a process that was replaced', [
    SELECTOR,
    'this.roster.get(agentId)?.session !== session;',
    'false;',
  ]),
  mutant('I18', 'lets anybody settle', [SELECTOR, 'known === undefined || known.handedOverBy === principal', 'true']),
];
