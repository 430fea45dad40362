export const STORE_HELP = 'sqlite or postgres for a new one, a SQLite file, or postgres://… (sqlite)';

/** What `--store` may be. @throws Error that says so; an address is not told, for it may hold a password. */
export function readStore(text) {
  const isAddress = text.includes('://');
  // A word alone is a slip, and no file.
  const isPlace = isAddress ? /^postgres(ql)?:/i.test(text) : /[./]/.test(text);
  if (isPlace || text === 'sqlite' || text === 'postgres') return text;
  const told = isAddress ? 'the address of something else' : JSON.stringify(text);
  throw new Error(`--store is ${told}: give sqlite, postgres, a file such as ./rota.db, or postgres://….`);
}
