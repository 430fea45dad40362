import { Client } from 'pg';
import { afterAll, beforeAll } from 'vitest';
import { openPostgres } from '#rota/store/postgres.js';
import { openPostgresAdmin } from '#rota/store/postgres-admin.js';
import { openSqlite } from '#rota/store/sqlite.js';
import { openSqliteAdmin } from '#rota/store/sqlite-admin.js';
import { Connection } from '#rota/store/sqlite-connection.js';
import { type PrivatePostgres, startPrivatePostgres } from '../../scripts/private-postgres.mjs';
import { temporaryFolder } from '../support/stores.js';
import { storeAdminContract } from './store-admin.contract.js';

storeAdminContract('sqlite', 10, async () => {
  const folder = await temporaryFolder();
  const path = folder.file('rota.db');
  const connection = new Connection(path);
  return {
    store: () => openSqlite({ path }),
    admin: () => openSqliteAdmin({ path }),
    exec: async (sql) => void connection.raw.exec(sql),
    schema: async () =>
      connection.raw.prepare("SELECT name, sql FROM sqlite_master WHERE name NOT LIKE 'sqlite%' ORDER BY name").all([]),
    async [Symbol.asyncDispose]() {
      connection.close();
      await folder[Symbol.asyncDispose]();
    },
  };
});

let postgres: PrivatePostgres;
beforeAll(async () => {
  postgres = await startPrivatePostgres({ fsync: false });
});
afterAll(() => postgres[Symbol.asyncDispose]());

/** Whatever is in any schema but the database's own: relations, columns, indexes and constraints. */
const SCHEMA = `
  SELECT n.nspname AS schema, NULL AS name, NULL AS text FROM pg_namespace n WHERE n.nspname !~ '^(pg_|information_)'
  UNION ALL SELECT n.nspname, c.relname, concat_ws(' ', c.relkind, a.attname, format_type(a.atttypid, a.atttypmod),
      a.attnotnull, pg_get_expr(d.adbin, d.adrelid))
    FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
    LEFT JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
    LEFT JOIN pg_attrdef d ON d.adrelid = a.attrelid AND d.adnum = a.attnum
    WHERE n.nspname !~ '^(pg_|information_)'
  UNION ALL SELECT schemaname, indexname, indexdef FROM pg_indexes WHERE schemaname !~ '^(pg_|information_)'
  UNION ALL SELECT n.nspname, o.conname, pg_get_constraintdef(o.oid)
    FROM pg_constraint o JOIN pg_namespace n ON n.oid = o.connamespace WHERE n.nspname !~ '^(pg_|information_)'
  ORDER BY 1, 2, 3`;

storeAdminContract('postgres', 10, async () => {
  const url = await postgres.createDatabase();
  const client = new Client({ connectionString: url });
  await client.connect();
  return {
    store: () => openPostgres({ url }),
    admin: async () => openPostgresAdmin({ url }),
    exec: async (sql) => void (await client.query(sql)),
    schema: async () => (await client.query(SCHEMA)).rows,
    [Symbol.asyncDispose]: () => client.end(),
  };
});
