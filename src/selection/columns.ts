import { LIMITS } from '../protocol/limits.js';
import type { AgentColumns, WorkTypeColumns } from './score-job.js';

/** Agents that the columns have room for at first; they double when it runs out. */
const FIRST_ROOM = 64;
const ID_BYTES = 1 + LIMITS.nameChars;

/** Room for an agent at `index`, doubling what there is. */
export function roomFor(index: number, room: number): number {
  let wanted = Math.max(room, FIRST_ROOM);
  while (wanted <= index) wanted *= 2;
  return wanted;
}

export function growAgentColumns(old: AgentColumns | undefined, room: number): AgentColumns {
  return {
    ids: grown(old?.ids, new Uint8Array(shared(room * ID_BYTES))),
    loads: grown(old?.loads, new Int32Array(shared(room * Int32Array.BYTES_PER_ELEMENT))),
    recentLoads: grown(old?.recentLoads, new Int32Array(shared(room * Int32Array.BYTES_PER_ELEMENT))),
    maxConcurrency: grown(old?.maxConcurrency, new Int32Array(shared(room * Int32Array.BYTES_PER_ELEMENT))),
  };
}

export function growWorkTypeColumns(old: WorkTypeColumns | undefined, room: number): WorkTypeColumns {
  return {
    successes: grown(old?.successes, new Uint32Array(shared(room * Uint32Array.BYTES_PER_ELEMENT))),
    failures: grown(old?.failures, new Uint32Array(shared(room * Uint32Array.BYTES_PER_ELEMENT))),
    lastMs: grown(old?.lastMs, new Float64Array(shared(room * Float64Array.BYTES_PER_ELEMENT)).fill(-Infinity)),
  };
}

export function growVectors(old: Float32Array | undefined, room: number, dimensions: number): Float32Array {
  return grown(old, new Float32Array(shared(room * dimensions * Float32Array.BYTES_PER_ELEMENT)));
}

/** Ids are names: ASCII, 64 characters at most. */
export function writeId({ ids }: AgentColumns, index: number, id: string): void {
  const at = index * ID_BYTES;
  ids[at] = id.length;
  for (let i = 0; i < id.length; i++) ids[at + 1 + i] = id.charCodeAt(i);
}

function grown<T extends Uint8Array | Int32Array | Uint32Array | Float32Array | Float64Array>(
  old: T | undefined,
  column: T,
): T {
  if (old !== undefined) column.set(old);
  return column;
}

function shared(bytes: number): SharedArrayBuffer {
  return new SharedArrayBuffer(bytes);
}
