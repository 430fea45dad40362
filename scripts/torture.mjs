// Kill tests for as long as one likes: `npm run torture -- --help`. Compiles tests/faults and runs it.
import { execFileSync } from 'node:child_process';
import { createRequire } from 'node:module';
import { fileURLToPath } from 'node:url';

const root = new URL('../', import.meta.url);
const tsc = createRequire(import.meta.url).resolve('typescript/bin/tsc');
try {
  execFileSync(process.execPath, [tsc, '-p', fileURLToPath(new URL('tests/faults/', root))], { stdio: 'inherit' });
  const { main } = await import(new URL('.torture/tests/faults/main.js', root).href);
  process.exit(await main(process.argv.slice(2), console.log, console.error));
} catch (thrown) {
  // The compiler has said already what is wrong.
  if (thrown.status === undefined) console.error(thrown);
  process.exit(1);
}
