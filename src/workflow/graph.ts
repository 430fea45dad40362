import { RotaError } from '../protocol/errors.js';
import type { Problem } from './problem.js';

/** One task of a graph: its key, and the keys of the tasks that it waits for. */
export interface GraphNode {
  readonly key: string;
  readonly dependsOn?: readonly string[] | undefined;
}

/** Longer cycles are named by their first tasks and their length. */
const CYCLE_SHOWN = 30;

/**
 * Finds dependencies on unknown tasks, on the task itself, and named twice; and cycles, at least one if
 * there is any. Paths are those of an orchestration file.
 */
export function checkGraph(nodes: readonly GraphNode[]): Problem[] {
  const keys = nodes.map((node) => node.key);
  const known = new Set(keys);
  return [
    ...nodes.flatMap((node) => checkDependencies(node, known, keys)),
    ...findCycles(nodes.map(withoutItself)).map((cycle) => cycleProblem(cycle, nodes)),
  ];
}

/**
 * Orders the tasks so that each comes after those that it depends on; otherwise as they were given.
 * A dependency on a task that is not among them is ignored.
 *
 * @throws RotaError GRAPH_CYCLE, naming a cycle.
 */
export function topologicalOrder(nodes: readonly GraphNode[]): string[] {
  const { order } = peel(nodes);
  const [cycle] = order.length === nodes.length ? [] : findCycles(nodes);
  if (cycle) throw new RotaError('GRAPH_CYCLE', `Tasks wait for each other: ${cycleText(cycle)}.`);
  return order;
}

function checkDependencies({ key, dependsOn = [] }: GraphNode, known: ReadonlySet<string>, keys: string[]): Problem[] {
  const seen = new Set<string>();
  return dependsOn.flatMap((dependency, index): Problem[] => {
    const path = ['tasks', key, 'dependsOn', index];
    const repeated = seen.has(dependency);
    seen.add(dependency);
    if (dependency === key) {
      return [{ path, problem: 'a task cannot wait for itself', remedy: 'Remove this dependency.' }];
    }
    if (!known.has(dependency)) return [{ path, problem: 'no task has this key', known: keys }];
    if (repeated) return [{ path, problem: 'this task is named twice', remedy: 'Name each dependency once.' }];
    return [];
  });
}

/** A self-dependency is a problem of its own, and would hide the longer cycles behind it. */
function withoutItself({ key, dependsOn = [] }: GraphNode): GraphNode {
  return { key, dependsOn: dependsOn.filter((dependency) => dependency !== key) };
}

function cycleProblem(cycle: readonly string[], nodes: readonly GraphNode[]): Problem {
  const [key = '', next = ''] = cycle;
  const index = nodes.find((node) => node.key === key)?.dependsOn?.indexOf(next) ?? 0;
  return {
    path: ['tasks', key, 'dependsOn', index],
    problem: `these tasks wait for each other: ${cycleText(cycle)}`,
    remedy: 'Remove one of these dependencies.',
  };
}

/** `a → b → a`: a waits for b, b waits for a. */
function cycleText(cycle: readonly string[]): string {
  const [first = ''] = cycle;
  if (cycle.length <= CYCLE_SHOWN) return [...cycle, first].join(' → ');
  return `${cycle.slice(0, CYCLE_SHOWN).join(' → ')} → … → ${first} (${cycle.length} tasks)`;
}

/**
 * Takes away, again and again, the tasks that wait for nothing that is left (Kahn's algorithm). What
 * cannot be taken away has in `stuck` the dependencies that hold it: those on a cycle, and those behind one.
 */
function peel(nodes: readonly GraphNode[]): { order: string[]; stuck: Map<string, Set<string>> } {
  const stuck = new Map<string, Set<string>>(nodes.map((node) => [node.key, new Set()]));
  const dependents = new Map<string, string[]>();
  for (const { key, dependsOn = [] } of nodes) {
    for (const dependency of new Set(dependsOn)) {
      if (!stuck.has(dependency)) continue;
      stuck.get(key)?.add(dependency);
      const others = dependents.get(dependency);
      if (others) others.push(key);
      else dependents.set(dependency, [key]);
    }
  }
  const order = [...stuck].flatMap(([key, waitsFor]) => (waitsFor.size === 0 ? [key] : []));
  // `order` grows while it is walked: each task that comes free is a next one to take away.
  for (const key of order) {
    stuck.delete(key);
    for (const dependent of dependents.get(key) ?? []) {
      const waitsFor = stuck.get(dependent);
      if (waitsFor?.delete(key) && waitsFor.size === 0) order.push(dependent);
    }
  }
  return { order, stuck };
}

/**
 * Every stuck task waits for another stuck one, so a walk along the first such dependency must return
 * to itself; each walk stops where an earlier one has been.
 */
function findCycles(nodes: readonly GraphNode[]): string[][] {
  const { stuck } = peel(nodes);
  const walked = new Set<string>();
  const cycles: string[][] = [];
  for (const start of stuck.keys()) {
    const walk: string[] = [];
    let key: string | undefined = start;
    while (key !== undefined && !walked.has(key)) {
      walked.add(key);
      walk.push(key);
      [key] = stuck.get(key) ?? [];
    }
    const begin = key === undefined ? -1 : walk.indexOf(key);
    if (begin >= 0) cycles.push(walk.slice(begin));
  }
  return cycles;
}
