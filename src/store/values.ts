import type { Flag, JsonText } from './schema.js';

/** How values of the protocol are written into columns, and read back. */

/** Databases end a text at its first NUL, or refuse it. */
export function plain(text: string): string;
export function plain(text: string | undefined): string | null;
export function plain(text: string | undefined): string | null {
  return text?.replaceAll('\0', '\uFFFD') ?? null;
}

export function flag(isSet: boolean): Flag {
  return isSet ? 1 : 0;
}

export function jsonOrNull(value: object | undefined): JsonText | null {
  return value === undefined ? null : JSON.stringify(value);
}

/** Reads JSON that was written here; what it may be is known from the column. */
export function parse<T>(text: JsonText): T;
export function parse<T>(text: JsonText | null): T | undefined;
export function parse<T>(text: JsonText | null): T | undefined {
  return text === null ? undefined : (JSON.parse(text) as T);
}

type Present<T> = { [K in keyof T]?: Exclude<T[K], undefined | null> };

/** Leaves out what is not there, as optional fields of the protocol want it. */
export function present<T extends object>(fields: T): Present<T> {
  return Object.fromEntries(Object.entries(fields).filter(([, value]) => value != null)) as Present<T>;
}
