import { packedSize } from '../protocol/codec.js';
import type { WireError } from '../protocol/errors.js';
import type { NodeState } from '../protocol/frames.js';
import type { Json } from '../protocol/json.js';
import type { NodeSpec, TaskStatus, TerminalStatus } from '../protocol/task.js';

export interface Node {
  readonly spec: NodeSpec;
  readonly taskId: string;
  /** `waiting` until all it depends on has completed; `skipped` once that can't happen any more. */
  state: NodeState['state'];
  result?: Json;
  /** Of the result, encoded; undefined until somebody asked. */
  resultBytes?: number;
  error?: WireError;
  /** Dependencies that have not completed. */
  missing: number;
  readonly dependents: Node[];
}

/**
 * The graph of one orchestration: which tasks may start, and how it ends. Owned by one orchestration
 * actor. The graph is known to be acyclic and closed: `checkGraph` stood before it.
 */
export class Graph {
  readonly #nodes = new Map<string, Node>();
  readonly #ready = new Set<Node>();
  #open: number;

  constructor(specs: readonly NodeSpec[], taskIds: Readonly<Record<string, string>>) {
    for (const spec of specs) {
      const taskId = taskIds[spec.key] ?? '';
      const missing = new Set(spec.dependsOn).size;
      this.#nodes.set(spec.key, { spec, taskId, state: 'waiting', missing, dependents: [] });
    }
    for (const node of this.#nodes.values()) {
      for (const key of new Set(node.spec.dependsOn)) this.#nodes.get(key)?.dependents.push(node);
      if (node.missing === 0) this.#ready.add(node);
    }
    this.#open = this.#nodes.size;
  }

  nodes(): Iterable<Node> {
    return this.#nodes.values();
  }

  node(key: string): Node | undefined {
    return this.#nodes.get(key);
  }

  /** Every task has ended or will never run. */
  get isDone(): boolean {
    return this.#open === 0;
  }

  /** Tasks that wait for nothing and are not submitted, the first that became so first. Each leaves when it is marked. */
  ready(): Iterable<Node> {
    return this.#ready;
  }

  get hasReady(): boolean {
    return this.#ready.size > 0;
  }

  /** A task that was submitted stands so now. */
  mark(key: string, status: TaskStatus): void {
    const node = this.#nodes.get(key);
    if (node === undefined) return;
    node.state = status;
    this.#ready.delete(node);
  }

  /** A task ended, and others may be ready because of it. */
  end(key: string, status: TerminalStatus, result: Json | undefined, error: WireError | undefined): void {
    const node = this.#nodes.get(key);
    if (node === undefined || isOver(node)) return;
    this.#close(node, status);
    if (error !== undefined) node.error = error;
    if (status !== 'completed') return this.#skipAfter(node);
    node.result = result ?? null;
    for (const dependent of node.dependents) {
      dependent.missing--;
      if (dependent.state === 'waiting' && dependent.missing === 0) this.#ready.add(dependent);
    }
  }

  /** Nothing that was not submitted yet will run. */
  skipWaiting(): void {
    for (const node of this.#nodes.values()) if (node.state === 'waiting') this.#close(node, 'skipped');
  }

  skipped(): string[] {
    return [...this.#nodes.values()].filter((node) => node.state === 'skipped').map((node) => node.spec.key);
  }

  /** The results of what a task depends on, by key. */
  inputsOf(node: Node): Record<string, Json> | undefined {
    if (node.spec.dependsOn.length === 0) return undefined;
    return Object.fromEntries(node.spec.dependsOn.map((key) => [key, this.#nodes.get(key)?.result ?? null]));
  }

  /** How many bytes these have, encoded, names and results. A result is measured once, however many get it. */
  inputBytes(node: Node): number {
    let bytes = 0;
    for (const key of new Set(node.spec.dependsOn)) {
      const before = this.#nodes.get(key);
      if (before === undefined) continue;
      before.resultBytes ??= packedSize(before.result ?? null);
      bytes += packedSize(key) + before.resultBytes;
    }
    return bytes;
  }

  #skipAfter(node: Node): void {
    const behind = [...node.dependents];
    for (let next = behind.pop(); next !== undefined; next = behind.pop()) {
      if (next.state !== 'waiting') continue;
      this.#close(next, 'skipped');
      behind.push(...next.dependents);
    }
  }

  #close(node: Node, state: Node['state']): void {
    node.state = state;
    this.#ready.delete(node);
    this.#open--;
  }
}

function isOver(node: Node): boolean {
  return (
    node.state === 'completed' || node.state === 'failed' || node.state === 'cancelled' || node.state === 'skipped'
  );
}
