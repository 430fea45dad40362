import { mkdtemp, rm } from 'node:fs/promises';
import { constants, tmpdir } from 'node:os';
import { join } from 'node:path';
import { systemClock } from '../dist/clock.js';
import { findNatsServer, startNatsServer } from '../dist/launch/nats-server.js';
import { startPrivatePostgres } from '../scripts/private-postgres.mjs';
import { machine, versions } from './machine.mjs';
import { Processes } from './processes.mjs';

class Interrupted extends Error {
  constructor(signal) {
    super(`Interrupted by ${signal}.`);
    this.exitCode = 128 + constants.signals[signal];
  }
}

/**
 * What every measurement stands on: a nats-server, a folder, processes, and a PostgreSQL server where one is asked for,
 * all of which are gone in the end.
 */
export async function withStage(use) {
  const processes = new Processes();
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) {
    process.once(signal, () => processes.fail(new Interrupted(signal)));
  }
  const over = new AbortController();
  const folder = await mkdtemp(join(tmpdir(), 'rota-bench-'));
  let nats;
  let postgres;
  /** Where tasks are kept, as `rota up --store` has it: new, unless `store` names a place itself. */
  const openPlace = async (store) => {
    if (store === 'sqlite') return join(folder, 'rota.db');
    if (store !== 'postgres') return store;
    postgres ??= startPrivatePostgres();
    const server = await postgres;
    void server.exited.then(() => processes.fail(new Error('The PostgreSQL server ended.')));
    return server.createDatabase();
  };
  try {
    const bin = natsServerBin();
    nats = await startNatsServer({ bin, clock: systemClock });
    void nats.exited.then(({ code, signal }) => {
      processes.fail(new Error(`${bin} ended with ${signal ?? `code ${code}`}.`));
    });
    const before = { versions: versions(bin), machine: machine(folder) };
    const stage = { processes, folder, openPlace, url: nats.url, signal: over.signal, before };
    return await Promise.race([use(stage), processes.failed]);
  } finally {
    over.abort();
    await processes.kill();
    await nats?.stop();
    // Also one that is about to start; where it could not, nothing is left of it.
    await postgres?.then(
      (server) => server[Symbol.asyncDispose](),
      () => {},
    );
    await rm(folder, { recursive: true, force: true });
  }
}

function natsServerBin() {
  const { NATS_SERVER_BIN, PATH } = process.env;
  const bin = findNatsServer({ bin: NATS_SERVER_BIN, path: PATH });
  if (bin === undefined) throw new Error('No nats-server found: run "node scripts/ensure-nats.mjs".');
  return bin;
}

/** Ends the process as `work` ends: by itself, with what went wrong, or by a signal. */
export function runMain(work) {
  work().then(
    () => process.exit(0),
    (error) => {
      console.error(error.message);
      process.exit(error.exitCode ?? 1);
    },
  );
}
