import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { runProgram } from '#rota/cli/program.js';
import { systemClock } from '#rota/clock.js';
import { holdLifeLine } from '../launch/harness.js';

const MAIN = fileURLToPath(new URL('../../../dist/cli/main.js', import.meta.url));
export const ROOT = fileURLToPath(new URL('../../../', import.meta.url));

export interface RotaOptions {
  readonly cwd?: string;
  readonly env?: Readonly<Record<string, string>>;
  readonly input?: string;
}

/** One process of the command line. */
export interface Rota extends AsyncDisposable {
  readonly child: ChildProcess;
  readonly stdout: string;
  readonly stderr: string;
  /** Resolves with the exit code, or 128 for an end by a signal. */
  readonly exit: Promise<number>;
  /** Resolves once its output has this; rejects when it ends without. */
  says(pattern: RegExp): Promise<RegExpMatchArray>;
}

/** Starts `rota` with the environment of a user who has set nothing of it. */
export function rota(args: readonly string[], options: RotaOptions = {}): Rota {
  return watch(spawn(process.execPath, [MAIN, ...args], spawnOptions(options)), options.input);
}

/** The same on a pseudo terminal of so many columns and rows; everything it shows is its stdout. */
export function rotaOnTerminal(args: readonly string[], options: RotaOptions & { rows?: number } = {}): Rota {
  const line = [process.execPath, MAIN, ...args].map((part) => `'${part}'`).join(' ');
  const command = `stty cols 100 rows ${options.rows ?? 30}; exec ${line}`;
  return watch(spawn('script', ['-qec', command, '/dev/null'], spawnOptions(options)), options.input);
}

function spawnOptions({ cwd, env }: RotaOptions) {
  const inherited = Object.entries(process.env).filter(([name]) => !/^(ROTA_|NO_COLOR|FORCE_COLOR|CI$)/.test(name));
  return { cwd, env: { ...Object.fromEntries(inherited), TERM: 'xterm-256color', ...env } };
}

function watch(child: ChildProcess, input: string | undefined): Rota {
  const text = { stdout: '', stderr: '' };
  const listeners = new Set<() => void>();
  const heard = (stream: 'stdout' | 'stderr') => (chunk: Buffer) => {
    text[stream] += chunk.toString('utf8');
    for (const listener of [...listeners]) listener();
  };
  child.stdout?.on('data', heard('stdout'));
  child.stderr?.on('data', heard('stderr'));
  child.stdin?.on('error', () => {});
  if (input !== undefined) child.stdin?.end(input);
  const exit = new Promise<number>((resolve) => child.once('close', (code) => resolve(code ?? 128)));
  return {
    child,
    get stdout() {
      return text.stdout;
    },
    get stderr() {
      return text.stderr;
    },
    exit,
    says(pattern) {
      return new Promise((resolve, reject) => {
        const look = () => {
          const match = text.stdout.match(pattern) ?? text.stderr.match(pattern);
          if (match === null) return;
          listeners.delete(look);
          resolve(match);
        };
        listeners.add(look);
        look();
        void exit.then((code) => {
          look();
          reject(new Error(`It ended with ${code} before it said ${pattern}:\n${text.stdout}\n${text.stderr}`));
        });
      });
    },
    async [Symbol.asyncDispose]() {
      child.kill('SIGKILL');
      await exit;
    },
  };
}

export interface Ended {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** Runs `rota` to its end. */
export async function rotaToEnd(args: readonly string[], options: RotaOptions = {}): Promise<Ended> {
  const process = rota(args, { input: '', ...options });
  const code = await process.exit;
  return { code, stdout: process.stdout, stderr: process.stderr };
}

/** Runs a command line in this process, where nothing of it lives on: for what is refused at once. */
export async function rotaInside(args: readonly string[]): Promise<Ended> {
  const text = { stdout: '', stderr: '' };
  const raw = (chunk: string) => {
    text.stdout += chunk;
  };
  const plain = (_colour: string, chunk: string) => chunk;
  const output = {
    ...{
      isTerminal: false,
      isErrorTerminal: false,
      columns: Infinity,
      rows: Infinity,
      paint: plain,
      paintError: plain,
    },
    raw,
    line: (line: string) => raw(`${line}\n`),
    json: (value: unknown) => raw(`${JSON.stringify(value)}\n`),
    note(line: string) {
      text.stderr += `${line}\n`;
    },
    progress: () => {},
  };
  const code = await runProgram(args, { output, clock: systemClock });
  return { code, ...text };
}

export function jsonLines(text: string): Record<string, unknown>[] {
  return text
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line));
}

export interface Folder extends Disposable {
  readonly path: string;
  /** Writes a file, and returns its path. */
  write(name: string, text: string): string;
}

export function createFolder(): Folder {
  const path = mkdtempSync(join(tmpdir(), 'rota-cli-'));
  return {
    path,
    write(name, text) {
      writeFileSync(join(path, name), text);
      return join(path, name);
    },
    [Symbol.dispose]: () => rmSync(path, { recursive: true, force: true }),
  };
}

/** An agents file of commands that are pieces of JavaScript, one agent for each pool. */
export function agentsFile(scripts: Readonly<Record<string, string>>, launch: object = {}): string {
  const agents = Object.entries(scripts).map(([pool, code]) => ({
    id: `${pool}-1`,
    pool,
    launch: { command: process.execPath, args: ['-e', code], ...launch },
  }));
  return JSON.stringify({ agents });
}

/** Writes what it got, and ends. */
export const ECHO = `
  let text = '';
  process.stdin.on('data', (chunk) => { text += chunk; });
  process.stdin.on('end', () => console.log(JSON.stringify({ got: JSON.parse(text).payload })));`;

/** Holds a connection for as long as it lives, does not mind SIGTERM, and ends well when it is released. */
export function stubborn(port: number): string {
  return `process.on('SIGTERM', () => {}); ${holdLifeLine(port).replace(/;$/, '')}.on('end', () => process.exit(0)).resume();`;
}
