import { writeSync } from 'node:fs';
import { RotaError } from './protocol/errors.js';

/**
 * Places at which tests let a process die, fail or stall: every edge where something becomes durable, leaves or is
 * acknowledged. They are compiled in and off; `ROTA_FAILPOINTS` switches them on when a process starts.
 *
 *     ROTA_FAILPOINTS='append.after=kill@3; reply.before=delay:200/10'
 *
 * `kill` ends the process as SIGKILL does, `error` throws STORE_FAILED or what the place makes of it, `delay:<ms>` blocks the
 * thread. `@3` is the third time that the place is passed, `/10` each tenth time; without either it is every time.
 * Each that goes off says so on stderr, so that a test can tell that it did.
 */
export const FAILPOINTS = {
  'lead.before': 'leadership is about to be taken',
  'lead.after': 'leadership was taken and the state read, and nothing done with it yet',
  'announce.before': 'everybody is about to be told who leads, or that nobody does',
  'announce.after': 'they were',
  'renew.before': 'the lease of leadership is about to be renewed',
  'renew.after': 'it was renewed, and the leader does not know yet',
  'resign.before': 'leadership is about to be given back',
  'resign.after': 'it was, and nobody was told',
  'append.before': 'a row of facts is about to be committed',
  'append.after': 'it was committed, and nothing that rests on it has left',
  'materialise.before': 'tables are about to be moved along the journal',
  'materialise.after': 'they were, and nobody knows yet',
  'intake.received': 'a request arrived, and nothing was done about it yet',
  'reply.before': 'the reply to a request is about to leave',
  'reply.after': 'it left',
  'parcel.before': 'an assignment, acknowledgement, cancel or event is about to leave',
  'parcel.after': 'it left',
  'assignment.received': 'an agent got an assignment, and has not begun it',
  'report.before': 'an agent is about to report an outcome',
  'report.after': 'the report left',
  'ack.received': 'an agent got the acknowledgement of a report, and has not noted it yet',
  'event.received': 'a client got news of its tasks, and has not told those who wait',
  'request.before': 'a client or an agent is about to send a request',
  'request.after': 'its reply arrived, and was not looked at yet',
} as const;

export type Failpoint = keyof typeof FAILPOINTS;

interface Trap {
  readonly action: 'kill' | 'error' | 'delay';
  readonly delayMs: number;
  /** The one time that counts, or each so manieth; both 0 where every time does. */
  readonly at: number;
  readonly each: number;
  passed: number;
}

const STDERR = 2;

/** Read when the first place is passed: what is wrong with it must not end a process while it loads its modules. */
let traps: ReadonlyMap<Failpoint, Trap> | undefined;

/** Reads the setting, where nobody has passed a place yet. @throws RotaError INVALID_VALUE */
export function armFailpoints(): void {
  traps ??= readTraps(process.env.ROTA_FAILPOINTS ?? '');
}

/** @throws RotaError STORE_FAILED where the environment says so; INVALID_VALUE for an environment that says nothing sensible. */
export function failpoint(name: Failpoint): void {
  if (traps === undefined) armFailpoints();
  if (traps?.size === 0) return;
  const trap = traps?.get(name);
  if (trap === undefined || !isDue(trap)) return;
  // At once, and from threads as well: what is about to happen may let nothing else out.
  writeSync(STDERR, `failpoint ${name}: ${trap.action}\n`);
  switch (trap.action) {
    case 'kill':
      process.kill(process.pid, 'SIGKILL');
      // The signal ends the process a moment later: nothing more may happen until then.
      return block(60_000);
    case 'delay':
      return block(trap.delayMs);
    case 'error':
      throw new RotaError('STORE_FAILED', `The failpoint ${name} is set to error.`);
  }
}

function isDue(trap: Trap): boolean {
  trap.passed++;
  if (trap.at > 0) return trap.passed === trap.at;
  return trap.each === 0 || trap.passed % trap.each === 0;
}

function block(ms: number): void {
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, ms);
}

const ACTION = /^(kill|error|delay:(\d+))(?:@([1-9]\d*)|\/([1-9]\d*))?$/;

/** @throws RotaError INVALID_VALUE */
function readTraps(text: string): Map<Failpoint, Trap> {
  const found = new Map<Failpoint, Trap>();
  for (const part of text.split(';').map((word) => word.trim())) {
    if (part === '') continue;
    const [name = '', set = ''] = part.split(/=(.*)/s);
    if (!isFailpoint(name)) {
      throw invalid(
        part,
        `${JSON.stringify(name)} is no failpoint`,
        `; names are ${Object.keys(FAILPOINTS).join(', ')}.`,
      );
    }
    const match = ACTION.exec(set);
    if (match === null) throw invalid(part, `${JSON.stringify(set)} is nothing that a failpoint does`, ', n from 1.');
    const [, action = '', delayMs = 0, at = 0, each = 0] = match;
    found.set(name, {
      action: action.startsWith('delay') ? 'delay' : (action as 'kill' | 'error'),
      ...{ delayMs: Number(delayMs), at: Number(at), each: Number(each), passed: 0 },
    });
  }
  return found;
}

function invalid(part: string, problem: string, more: string): RotaError {
  const remedy = `Write <name>=kill, error or delay:<ms>, and @n or /n after it${more}`;
  const field = 'ROTA_FAILPOINTS';
  return new RotaError('INVALID_VALUE', `${field} has ${JSON.stringify(part)}: ${problem}.`, { field, remedy });
}

function isFailpoint(name: string): name is Failpoint {
  return Object.hasOwn(FAILPOINTS, name);
}
