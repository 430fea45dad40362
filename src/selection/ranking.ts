export interface Scored {
  readonly index: number;
  readonly score: number;
}

/** The best few of those that are offered: by score, then in turn. */
export class Ranking {
  readonly scored: Scored[] = [];
  readonly #cursor: number;
  readonly #limit: number;
  /** Of those without a score, the next in turn. */
  #unscored = -1;

  constructor(cursor: number, limit: number) {
    this.#cursor = cursor;
    this.#limit = limit;
  }

  offer(index: number, score: number | undefined): void {
    if (score === undefined) {
      if (this.#unscored === -1 || this.#turnOf(index) < this.#turnOf(this.#unscored)) this.#unscored = index;
      return;
    }
    const last = this.scored.at(-1);
    const isFull = this.scored.length === this.#limit;
    if (isFull && last !== undefined && !this.#isBefore(index, score, last)) return;
    const place = this.scored.findIndex((one) => this.#isBefore(index, score, one));
    this.scored.splice(place === -1 ? this.scored.length : place, 0, { index, score });
    if (isFull) this.scored.pop();
  }

  first(): number {
    return this.scored[0]?.index ?? this.#unscored;
  }

  #isBefore(index: number, score: number, other: Scored): boolean {
    return score > other.score || (score === other.score && this.#turnOf(index) < this.#turnOf(other.index));
  }

  /** How far round the rotation it is: right after the cursor comes first, the cursor itself last. */
  #turnOf(index: number): number {
    return (index - this.#cursor - 1) >>> 0;
  }
}
