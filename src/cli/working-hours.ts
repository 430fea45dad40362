import { InvalidArgumentError } from 'commander';
import { type WorkingHours, WorkingHoursSchema } from '../protocol/agent.js';

const DAYS: readonly string[] = WorkingHoursSchema.shape.spans.element.shape.days.element.options;
const EXAMPLE = '"Europe/Berlin mon-fri 09:00-17:00; sat 10:00-14:00"';

/** Reads `Europe/Berlin mon-fri 09:00-17:00; sat 10:00-14:00`. A span that ends before it begins ends on the next day. */
export function workingHours(text: string): WorkingHours {
  const [timeZone = '', ...rest] = text.trim().split(/\s+/);
  const spans = rest.join(' ').split(';').map(spanOf);
  const parsed = WorkingHoursSchema.safeParse({ timeZone, spans });
  if (parsed.success) return parsed.data;
  throw new InvalidArgumentError(`${parsed.error.issues[0]?.message ?? 'It does not fit'}. Write it as ${EXAMPLE}.`);
}

function spanOf(text: string): { days: string[]; from: string; to: string } {
  const [days = '', times = '', ...more] = text.trim().split(' ');
  const [from = '', to = ''] = times.split('-');
  if (more.length > 0 || to === '') throw new InvalidArgumentError(`Write it as ${EXAMPLE}.`);
  return { days: [...new Set(days.split(',').flatMap(daysOf))], from, to };
}

/** `sat`, or `fri-mon` with the days between. */
function daysOf(text: string): string[] {
  const [first = 0, last = first] = text.toLowerCase().split('-').map(dayNumber);
  const length = ((last - first + DAYS.length) % DAYS.length) + 1;
  return [...DAYS, ...DAYS].slice(first, first + length);
}

function dayNumber(name: string): number {
  const number = DAYS.indexOf(name);
  if (number < 0) throw new InvalidArgumentError(`"${name}" is none of ${DAYS.join(', ')}. Write it as ${EXAMPLE}.`);
  return number;
}
