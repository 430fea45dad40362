// Compiles src to dist from scratch, so that a file that was deleted leaves nothing behind. `npx rota` in this folder
// builds as well, so dist changes places with the new one whole: what runs from it finds its files at any moment.
import { execFileSync } from 'node:child_process';
import { chmodSync, renameSync, rmSync } from 'node:fs';
import { createRequire } from 'node:module';
import { fileURLToPath } from 'node:url';

const root = new URL('../', import.meta.url);
const dist = new URL('dist/', root);
const made = new URL(`.dist-${process.pid}/`, root);
const old = new URL(`.dist-${process.pid}-old/`, root);
const tsc = createRequire(import.meta.url).resolve('typescript/bin/tsc');
try {
  execFileSync(process.execPath, [tsc, '-p', fileURLToPath(root), '--outDir', fileURLToPath(made)], {
    stdio: 'inherit',
  });
  // npm made the command executable when it first linked it, and does not again after a build.
  chmodSync(new URL('cli/main.js', made), 0o755);
  move(dist, old);
  move(made, dist);
} catch (thrown) {
  // The compiler has said already what is wrong.
  if (thrown.status === undefined) console.error(thrown);
  process.exitCode = 1;
} finally {
  for (const folder of [made, old]) rmSync(folder, { recursive: true, force: true });
}

function move(from, to) {
  try {
    renameSync(from, to);
  } catch (thrown) {
    if (thrown.code !== 'ENOENT') throw thrown;
  }
}
