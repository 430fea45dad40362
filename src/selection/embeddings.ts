import { RotaError } from '../protocol/errors.js';
import { Bitset } from './bitset.js';
import { growVectors, roomFor } from './columns.js';
import type { ScoreJob } from './score-job.js';

/** The agents' embeddings, side by side. There is no memory for them before the first; all have the same length. */
export class Embeddings {
  readonly #has = new Bitset();
  #values: Float32Array | undefined;
  #dimensions = 0;

  /** What scoring reads; undefined while no agent has one. */
  get columns(): ScoreJob['embeddings'] {
    if (this.#values === undefined || this.#has.size === 0) return undefined;
    return { dimensions: this.#dimensions, values: this.#values, has: this.#has.words };
  }

  /** Why an agent's embedding can't be kept, `index` being its place where it has one. */
  fault(index: number | undefined, embedding: readonly number[] | undefined): RotaError | undefined {
    if (embedding === undefined || embedding.length === this.#dimensions) return undefined;
    const others = this.#has.size - (index !== undefined && this.#has.has(index) ? 1 : 0);
    if (others === 0) return undefined;
    const field = 'profile.embedding';
    const problem = `${field} has ${embedding.length} numbers, and those of the pool's other agents ${this.#dimensions}.`;
    const remedy = 'Let one model make all embeddings of a pool.';
    return new RotaError('INVALID_VALUE', problem, { field, remedy });
  }

  /** @throws RotaError INVALID_VALUE where `fault` finds one. */
  set(index: number, embedding: readonly number[] | undefined): void {
    const fault = this.fault(index, embedding);
    if (fault !== undefined) throw fault;
    this.delete(index);
    if (embedding === undefined) return;
    const dimensions = embedding.length;
    // A thread may still read the old ones at their length.
    if (dimensions !== this.#dimensions) this.#values = undefined;
    const room = this.#values === undefined ? 0 : this.#values.length / dimensions;
    if (index >= room) this.#values = growVectors(this.#values, roomFor(index, room), dimensions);
    this.#dimensions = dimensions;
    this.#values?.set(embedding, index * dimensions);
    this.#has.add(index);
  }

  delete(index: number): void {
    this.#has.delete(index);
  }
}
