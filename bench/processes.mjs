import { fork } from 'node:child_process';
import { basename } from 'node:path';

const STOP_MS_MAX = 5_000;
/** How much of what a child wrote last is told when it fails. */
const LAST_WORDS_CHARS = 4_000;

/**
 * The child processes of one run. Each is in a process group of its own, so that Ctrl-C reaches the
 * driver alone, and each ends by itself when the driver is gone.
 */
export class Processes {
  #children = new Set();
  #isOver = false;
  #fail = () => {};
  /** Rejects when a child ends that was not told to, or as `fail` says. */
  failed = new Promise((_resolve, reject) => {
    this.#fail = reject;
  });

  constructor() {
    // Whoever runs something races it against `failed`; nobody may be there to hear of it.
    this.failed.catch(() => {});
  }

  fail(error) {
    this.#fail(error);
  }

  /** Resolves once the child says that it is ready, with its id, how to hear what it logs, and how to end it. */
  async start(file, options, nodeOptions = []) {
    if (this.#isOver) throw new Error('The run is over.');
    const child = fork(file, [JSON.stringify(options)], {
      detached: true,
      execArgv: nodeOptions,
      stdio: ['ignore', 'ignore', 'pipe', 'ipc'],
    });
    this.#children.add(child);
    let isStopping = false;
    let lastWords = '';
    const listeners = new Set();
    child.stderr.setEncoding('utf8').on('data', (text) => {
      lastWords = (lastWords + text).slice(-LAST_WORDS_CHARS);
      for (const listener of [...listeners]) listener();
    });
    const exited = new Promise((resolve) => {
      // `close`, not `exit`: by then its last words have been read.
      child.once('close', (code, signal) => {
        this.#children.delete(child);
        if (!isStopping)
          this.fail(new Error(`${basename(file.pathname)} ended with ${signal ?? `code ${code}`}:\n${lastWords}`));
        resolve();
      });
    });
    child.once('error', (error) => this.fail(error));
    await new Promise((resolve) => child.once('message', resolve));

    const stop = async () => {
      isStopping = true;
      child.send('stop');
      const timer = setTimeout(() => child.kill('SIGKILL'), STOP_MS_MAX);
      await exited;
      clearTimeout(timer);
    };
    /** Ends it by a signal; resolves when it is gone. */
    const kill = async (signal) => {
      isStopping = true;
      child.kill(signal);
      await exited;
    };
    /** Resolves once what it wrote last has this. */
    const says = (pattern) =>
      new Promise((resolve) => {
        const look = () => {
          if (!pattern.test(lastWords)) return;
          listeners.delete(look);
          resolve();
        };
        listeners.add(look);
        look();
      });
    return { pid: child.pid, stop, kill, says };
  }

  /** Kills whatever still runs, starts nothing more, and resolves when all is gone. */
  async kill() {
    this.#isOver = true;
    const gone = [...this.#children].map((child) => new Promise((resolve) => child.once('close', resolve)));
    for (const child of this.#children) child.kill('SIGKILL');
    await Promise.all(gone);
  }
}
