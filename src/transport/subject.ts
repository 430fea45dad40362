import { RotaError } from '../protocol/errors.js';

/**
 * The characters of a token: visible ASCII but `*` `.` and `>`. Narrower than what a server takes, so
 * that no name holds a line break (a protocol injection), a wildcard, or a look-alike.
 */
const TOKEN = String.raw`[!-)+,\-/-=?-~]+`;
const QUEUE = new RegExp(`^${TOKEN}$`);
const SUBJECT = new RegExp(`^${TOKEN}(?:\\.${TOKEN})*$`);
const PATTERN = new RegExp(`^(?:>|(?:\\*|${TOKEN})(?:\\.(?:\\*|${TOKEN}))*(?:\\.>)?)$`);

/** A server ends the connection of a client whose control line (subject, reply, size) passes 4 KiB. */
const CHARS_MAX = 256;
/** How much of a refused value a message quotes. */
const QUOTED_CHARS_MAX = 80;

const DOT = 46;
const STAR = 42;
const REST = 62;

/** A subject that a message can be published to. @throws RotaError INVALID_NAME */
export function assertSubject(subject: string): void {
  if (subject.length > CHARS_MAX || !SUBJECT.test(subject)) throw invalid('subject', subject);
}

/** A subject that can be subscribed: tokens may be `*`, the last may be `>`. @throws RotaError INVALID_NAME */
export function assertPattern(pattern: string): void {
  if (pattern.length > CHARS_MAX || !PATTERN.test(pattern)) throw invalid('subject', pattern);
}

/** The name of a queue group: one token. @throws RotaError INVALID_NAME */
export function assertQueue(queue: string): void {
  if (queue.length > CHARS_MAX || !QUEUE.test(queue)) throw invalid('queue', queue);
}

/** Whether a valid pattern holds a wildcard. */
export function hasWildcard(pattern: string): boolean {
  return pattern.includes('*') || pattern.includes('>');
}

/** Whether a message to `subject` reaches a subscription of `pattern`. Both must be valid. */
export function matches(pattern: string, subject: string): boolean {
  let p = 0;
  let s = 0;
  while (p < pattern.length && s < subject.length) {
    const wildcard = pattern.charCodeAt(p);
    if (wildcard === REST) return true;
    if (wildcard === STAR) {
      p += 1;
      while (s < subject.length && subject.charCodeAt(s) !== DOT) s += 1;
    } else {
      if (wildcard !== subject.charCodeAt(s)) return false;
      p += 1;
      s += 1;
    }
  }
  return p === pattern.length && s === subject.length;
}

function invalid(field: string, value: string): RotaError {
  const quoted = JSON.stringify(value.length > QUOTED_CHARS_MAX ? `${value.slice(0, QUOTED_CHARS_MAX)}…` : value);
  return new RotaError('INVALID_NAME', `${field} is ${quoted}.`, { field });
}
