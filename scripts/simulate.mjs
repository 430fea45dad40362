// Compiles the simulation beside the built code, and runs it: see --help.
import { execFileSync } from 'node:child_process';
import { mkdirSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { fileURLToPath } from 'node:url';

const root = new URL('../', import.meta.url);
const folder = new URL('.simulation/', root);

mkdirSync(folder, { recursive: true });
const imports = { '#rota/*': './dist/*' };
writeFileSync(new URL('package.json', folder), JSON.stringify({ type: 'module', imports }));
rmSync(new URL('dist', folder), { force: true });
symlinkSync('../dist', fileURLToPath(new URL('dist', folder)));
const tsc = createRequire(import.meta.url).resolve('typescript/bin/tsc');
const project = fileURLToPath(new URL('tests/simulation/tsconfig.json', root));
execFileSync(process.execPath, [tsc, '-p', project], { stdio: 'inherit' });

const { main } = await import(new URL('harness/main.js', folder).href);
process.exitCode = await main(process.argv.slice(2), folder);
