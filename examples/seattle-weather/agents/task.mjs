// What every agent of this example shares: the task comes on stdin, the result goes to stdout.
import { mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';

/** Runs `work` on the task. A thrown error ends the process with code 1 and its message on stderr. */
export async function runTask(work) {
  const task = JSON.parse(readFileSync(0, 'utf8'));
  try {
    process.stdout.write(JSON.stringify(await work(task)));
  } catch (error) {
    console.error(`${task.workType}: ${error.message}`);
    process.exitCode = 1;
  }
}

export function reportProgress(percent, message) {
  console.error(`rota:progress ${percent} ${message}`);
}

/**
 * Writes a file whole or not at all. An attempt may be repeated while an earlier one still runs, so each
 * process writes a file of its own and moves it into place.
 */
export function writeWhole(path, text) {
  mkdirSync(dirname(path), { recursive: true });
  const temporary = `${path}.${process.pid}.tmp`;
  writeFileSync(temporary, text);
  renameSync(temporary, path);
}

export function writeJson(path, value) {
  writeWhole(path, `${JSON.stringify(value, null, 2)}\n`);
}

export function readJson(path) {
  return JSON.parse(readFileSync(path, 'utf8'));
}

/** The result of the task that this one depends on; says which is missing when there is none. */
export function input(task, key) {
  const result = task.inputs[key];
  if (result === undefined) throw new Error(`the input ${key} is missing: let this task depend on it`);
  return result;
}
