import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { checkGraph, type GraphNode, topologicalOrder } from '#rota/workflow/graph.js';

const node = (key: string, ...dependsOn: string[]): GraphNode => ({ key, dependsOn });

describe('checkGraph', () => {
  it('finds nothing in a graph without faults', () => {
    expect(checkGraph([node('a'), node('b', 'a'), { key: 'c' }, node('d', 'a', 'b', 'c')])).toEqual([]);
  });

  it('finds unknown, own and repeated dependencies at their places', () => {
    expect(checkGraph([node('fetch', 'fetch'), node('clean', 'fetch', 'fetsh', 'fetch')])).toEqual([
      expect.objectContaining({ path: ['tasks', 'fetch', 'dependsOn', 0], problem: 'a task cannot wait for itself' }),
      { path: ['tasks', 'clean', 'dependsOn', 1], problem: 'no task has this key', known: ['fetch', 'clean'] },
      expect.objectContaining({ path: ['tasks', 'clean', 'dependsOn', 2], problem: 'this task is named twice' }),
    ]);
  });

  it('names a cycle whole, at the dependency that starts it, and not what waits behind it', () => {
    const graph = [node('end', 'c'), node('a', 'start', 'b'), node('b', 'c'), node('c', 'a'), node('start')];
    expect(checkGraph(graph)).toEqual([
      {
        path: ['tasks', 'c', 'dependsOn', 0],
        problem: 'these tasks wait for each other: c → a → b → c',
        remedy: 'Remove one of these dependencies.',
      },
    ]);
  });

  it('finds each of two cycles, and one behind a self-dependency', () => {
    const problems = checkGraph([node('a', 'a', 'b'), node('b', 'a'), node('x', 'y'), node('y', 'x')]);
    expect(problems.map(({ problem }) => problem)).toEqual([
      'a task cannot wait for itself',
      'these tasks wait for each other: a → b → a',
      'these tasks wait for each other: x → y → x',
    ]);
  });

  it('is not misled by keys that objects inherit', () => {
    expect(checkGraph([node('constructor'), node('a', 'constructor', 'toString')])).toHaveLength(1);
  });

  it('takes a chain and a circle of 10,000 tasks', () => {
    const chain = Array.from({ length: 10_000 }, (_, i) =>
      i === 0 ? node('t0') : node(`t${i}`, `t${i - 1}`),
    ).reverse();
    expect(checkGraph(chain)).toEqual([]);
    const circle = chain.map((task) => (task.key === 't0' ? node('t0', 't9999') : task));
    expect(checkGraph(circle).map(({ problem }) => problem)).toEqual([expect.stringContaining('(10000 tasks)')]);
  });
});

describe('topologicalOrder', () => {
  it('keeps the given order where it may', () => {
    expect(topologicalOrder([node('c', 'a'), node('b'), node('a')])).toEqual(['b', 'a', 'c']);
  });

  it('refuses a cycle, a self-dependency too', () => {
    expect(() => topologicalOrder([node('a', 'b'), node('b', 'a')])).toThrow('Tasks wait for each other: a → b → a.');
    expect(() => topologicalOrder([node('a', 'a')])).toThrow(expect.objectContaining({ code: 'GRAPH_CYCLE' }));
  });
});

/** Graphs of up to 8 tasks, dense enough that half of them have cycles; some dependencies lead nowhere. */
const graphs = fc
  .integer({ min: 1, max: 8 })
  .chain((size) =>
    fc
      .array(fc.uniqueArray(fc.integer({ min: 0, max: size }), { maxLength: 2 }), { minLength: size, maxLength: size })
      .map((edges) => edges.map((targets, i) => node(`t${i}`, ...targets.map((target) => `t${target}`)))),
  );

/** Which tasks wait, over however many steps, for which: the transitive closure, by trying every middle. */
function closure(nodes: readonly GraphNode[]): boolean[][] {
  const reach = nodes.map((from) => nodes.map((to) => from.dependsOn?.includes(to.key) ?? false));
  for (const middle of nodes.keys())
    for (const from of nodes.keys())
      for (const to of nodes.keys())
        if (reach[from]?.[middle] && reach[middle]?.[to]) (reach[from] as boolean[])[to] = true;
  return reach;
}

describe('against an obvious reference, on random graphs', () => {
  it('finds a cycle if and only if a task waits for itself over other tasks', () => {
    fc.assert(
      fc.property(graphs, (nodes) => {
        const loopless = nodes.map(({ key, dependsOn = [] }) =>
          node(key, ...dependsOn.filter((other) => other !== key)),
        );
        const cyclic = closure(loopless).some((row, i) => row[i]);
        const cycles = checkGraph(nodes).filter(({ problem }) => problem.startsWith('these tasks'));
        expect(cycles.length > 0).toBe(cyclic);
      }),
      { numRuns: 2_000 },
    );
  });

  it('names only cycles that exist, at a dependency that is on them', () => {
    fc.assert(
      fc.property(graphs, (nodes) => {
        for (const { path, problem } of checkGraph(nodes)) {
          if (!problem.startsWith('these tasks')) continue;
          const cycle = problem.replace(/^.*: /, '').split(' → ');
          expect(cycle.at(-1)).toBe(cycle[0]);
          expect(new Set(cycle).size).toBe(cycle.length - 1);
          for (const [i, key] of cycle.slice(0, -1).entries()) {
            expect(nodes.find((task) => task.key === key)?.dependsOn).toContain(cycle[i + 1]);
          }
          const [, key, , index] = path;
          expect(nodes.find((task) => task.key === key)?.dependsOn?.[Number(index)]).toBe(cycle[1]);
          expect(key).toBe(cycle[0]);
        }
      }),
      { numRuns: 2_000 },
    );
  });

  it('orders every graph without a cycle, each task once and after its dependencies', () => {
    fc.assert(
      fc.property(graphs, (nodes) => {
        if (closure(nodes).some((row, i) => row[i])) {
          expect(() => topologicalOrder(nodes)).toThrow('wait for each other');
          return;
        }
        const order = topologicalOrder(nodes);
        expect([...order].sort()).toEqual(nodes.map(({ key }) => key).sort());
        for (const { key, dependsOn = [] } of nodes) {
          for (const other of dependsOn) expect(order.indexOf(other)).toBeLessThan(order.indexOf(key));
        }
      }),
      { numRuns: 2_000 },
    );
  });
});
