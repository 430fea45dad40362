import { isDeepStrictEqual } from 'node:util';
import type { TaskDetail, TaskRow } from '#rota/protocol/frames.js';
import { isTerminal } from '#rota/protocol/task.js';
import type { Store } from '#rota/store/store.js';
import { JournalModel, type ModelTask } from './journal-model.js';
import type { Ending, Grant, Ledger } from './ledger.js';

/** What is read of a store when all is over. */
export type Evidence = Pick<Store, 'rows' | 'tasks' | 'task' | 'decisions' | 'orchestration'>;

const ROWS_PER_READ = 1_000;
const ALL = 2 ** 31 - 1;
/** Tasks that are asked for at once. */
const ABREAST = 50;

/**
 * Compares what clients and agents were told with the journal and the tables of a store whose faults are over and whose
 * work is done. Resolves with what is wrong, each with the invariant that it breaks; empty where every promise was kept.
 */
export async function check(store: Evidence, ledger: Ledger): Promise<string[]> {
  const model = await replayed(store);
  const problems = [...model.problems];
  const note = (invariant: string, problem: string) => void problems.push(`${invariant}: ${problem}`);
  for (const id of ledger.acknowledged) if (!model.tasks.has(id)) note('I1', `acknowledged task ${id} is lost`);
  await checkTables(store, ledger, model, note);
  await checkDecisions(store, model, note);
  await checkOrchestrations(store, ledger, note);
  for (const grant of ledger.grants) checkGrant(model, grant, note);
  checkVerdicts(ledger, model, note);
  checkCancels(ledger, model, note);
  return problems;
}

type Note = (invariant: string, problem: string) => void;

async function replayed(store: Evidence): Promise<JournalModel> {
  const model = new JournalModel();
  for (let after = 0; ; ) {
    const rows = await store.rows(after, ROWS_PER_READ);
    for (const row of rows) model.take(row);
    const last = rows.at(-1);
    if (last === undefined) return model;
    after = last.seq;
  }
}

/** The tables say what the journal says, every task has ended, and as its client was told. */
async function checkTables(store: Evidence, ledger: Ledger, model: JournalModel, note: Note): Promise<void> {
  const rows = await store.tasks({ limit: ALL });
  if (rows.length !== model.tasks.size)
    note('I17', `${rows.length} tasks in the tables, ${model.tasks.size} in the journal`);
  for (let from = 0; from < rows.length; from += ABREAST) {
    await Promise.all(rows.slice(from, from + ABREAST).map((row) => checkTask(store, ledger, model, row, note)));
  }
}

async function checkTask(
  store: Evidence,
  ledger: Ledger,
  model: JournalModel,
  { id, status }: TaskRow,
  note: Note,
): Promise<void> {
  const task = model.tasks.get(id);
  if (task === undefined) return note('I17', `task ${id} is in the tables and not in the journal`);
  if (task.status !== status) note('I17', `task ${id} is ${status} in the tables and ${task.status} in the journal`);
  // Of a task that its client does not know of, nobody settles the handoff.
  const isOrphan = ledger.handedOver.has(id) && !ledger.acknowledged.has(id);
  if (!isTerminal(task.status) && !isOrphan) note('I16', `task ${id} is still ${task.status}`);
  const detail = await store.task(id);
  if (detail === undefined) note('I1', `task ${id} is listed and not found`);
  else checkAttempts(detail, task, note);
  for (const ending of ledger.endings.get(id) ?? []) checkEnding(id, ending, task, note);
}

function checkAttempts({ task: { id }, attempts, result }: TaskDetail, task: ModelTask, note: Note): void {
  const tokens = attempts.map((attempt) => attempt.token);
  if (tokens.some((token, i) => token !== i + 1)) note('I3', `task ${id} has attempts with the tokens ${tokens}`);
  const completed = attempts.filter((attempt) => attempt.outcome === 'completed');
  const expected = task.status === 'completed' ? 1 : 0;
  if (completed.length !== expected) {
    note('I2', `task ${id} is ${task.status} and has ${completed.length} accepted results`);
  }
  if (isTerminal(task.status) && attempts.some((attempt) => attempt.outcome === 'open')) {
    note('I3', `task ${id} is ${task.status} and has an open attempt`);
  }
  if (!isDeepStrictEqual(result, task.result))
    note('I17', `the result of task ${id} differs between tables and journal`);
}

function checkEnding(id: string, told: Ending, task: ModelTask, note: Note): void {
  const { status, attempt, result } = task;
  if (told.status !== status) return note('I2', `task ${id} was told to be ${told.status} and is ${status}`);
  if (told.attempt !== attempt)
    note('I2', `task ${id} was told to have ended in attempt ${told.attempt}, not ${attempt}`);
  if (status !== 'completed') return;
  if (!isDeepStrictEqual(told.result, result)) note('I2', `task ${id} has another result than its client was told`);
  const agentId = task.grants.get(task.token);
  if (told.agentId !== agentId) note('I2', `task ${id} was told to be done by ${told.agentId}, not ${agentId}`);
}

/** Whoever was told of an assignment was told of one that the journal has. */
function checkGrant(model: JournalModel, { taskId, token, agentId }: Grant, note: Note): void {
  const granted = model.tasks.get(taskId)?.grants.get(token);
  if (granted === agentId) return;
  note('I11', `token ${token} of task ${taskId} was told to ${agentId}, the journal has ${granted ?? 'nobody'}`);
}

/** Each decision is there once. */
async function checkDecisions(store: Evidence, model: JournalModel, note: Note): Promise<void> {
  const seen = new Set<string>();
  for (const { taskId, token, agentId } of await store.decisions({ limit: ALL })) {
    const name = `${taskId}/${token}`;
    if (seen.has(name)) note('I11', `token ${token} of task ${taskId} has two decisions`);
    seen.add(name);
    checkGrant(model, { taskId, token, agentId }, note);
  }
  for (const [taskId, { grants }] of model.tasks) {
    for (const token of grants.keys()) {
      if (!seen.has(`${taskId}/${token}`)) note('I11', `token ${token} of task ${taskId} has no decision`);
    }
  }
}

/**
 * What agents were told of their reports, and clients of their settlements, is what happened, however often it was told.
 * That an attempt failed may have been noticed before its agent said so.
 */
function checkVerdicts(ledger: Ledger, model: JournalModel, note: Note): void {
  const settlements = ledger.settled.map((grant) => ({ ...grant, outcome: 'completed' as const, accepted: true }));
  for (const { taskId, token, agentId, outcome, accepted } of [...ledger.verdicts, ...settlements]) {
    if (outcome === 'accepted') continue;
    const task = model.tasks.get(taskId);
    const found = task?.grants.get(token) === agentId ? task.outcomes.get(token) : undefined;
    const told = `${agentId} was told that ${outcome} with token ${token} of task ${taskId} was`;
    if (outcome === 'completed') {
      if (accepted && found !== 'completed') note('I2', `${told} taken, and it was ${found}`);
      if (!accepted && found === 'completed') note('I2', `${told} refused, and it was taken`);
    } else if (accepted && (found === undefined || found === 'completed'))
      note('I2', `${told} taken, and it was ${found}`);
  }
}

function checkCancels({ cancels }: Ledger, { tasks }: JournalModel, note: Note): void {
  for (const [id, told] of cancels) {
    const task = tasks.get(id);
    if (task === undefined || !isTerminal(told) || task.status === told) continue;
    const invariant = told === 'cancelled' ? 'I15' : 'I2';
    note(invariant, `a cancel of task ${id} was answered with ${told}, and it is ${task.status}`);
  }
}

async function checkOrchestrations(store: Evidence, ledger: Ledger, note: Note): Promise<void> {
  for (const [id, taskIds] of ledger.orchestrations) {
    const found = await store.orchestration(id);
    if (found === undefined) {
      note('I1', `acknowledged orchestration ${id} is lost`);
      continue;
    }
    const { status } = found.orchestration;
    if (!isTerminal(status)) note('I16', `orchestration ${id} is still ${status}`);
    const told = ledger.orchestrationEndings.get(id);
    if (told !== undefined && told.status !== status) {
      note('I2', `orchestration ${id} was told to be ${told.status} and is ${status}`);
    }
    const stored = Object.fromEntries(found.tasks.map((task) => [task.key, task.taskId]));
    if (!isDeepStrictEqual(stored, { ...taskIds }))
      note('I1', `orchestration ${id} has other tasks than its client was told`);
  }
}
