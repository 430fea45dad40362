import { z } from 'zod';
import { RotaError } from './errors.js';
import { LIMITS } from './limits.js';

/** `__proto__` is none: names are keys of records, and no frame may hold such a key. */
const NAME = new RegExp(`^(?!__proto__$)[A-Za-z0-9_-]{1,${LIMITS.nameChars}}$`);
const LABEL = new RegExp(`^[A-Za-z0-9_.:+#/@-]{1,${LIMITS.nameChars}}$`);

/** Ids, pools and namespaces: they become subject tokens, so nothing that NATS gives a meaning. */
export const Name = z.string().regex(NAME, 'must be 1 to 64 of the characters A-Z a-z 0-9 _ and -, and not __proto__');

/** Capabilities and work types: compared, never part of a subject. */
export const Label = z.string().regex(LABEL, 'must be 1 to 64 of the characters A-Z a-z 0-9 _ . : + # / @ and -');

/** Whoever calls from JavaScript may leave a name out: a pattern would take `undefined` for the text. */
export function isName(value: unknown): value is string {
  return typeof value === 'string' && NAME.test(value);
}

/** @throws RotaError INVALID_NAME, naming `field` and the value. */
export function assertName(field: string, value: string): string {
  if (!isName(value)) {
    throw new RotaError('INVALID_NAME', `${field} is ${JSON.stringify(value)}.`, { field });
  }
  return value;
}
