/** What happened in a run, for people: one line for each thing. Lines are made only where somebody will read them. */
export class Transcript {
  readonly #lines: string[] | undefined;

  constructor(isKept: boolean) {
    this.#lines = isKept ? [] : undefined;
  }

  get isKept(): boolean {
    return this.#lines !== undefined;
  }

  add(atMs: number, who: string, what: () => string): void {
    this.#lines?.push(`${(atMs / 1_000).toFixed(4).padStart(10)}  ${who.padEnd(10)} ${what()}`);
  }

  toString(): string {
    return (this.#lines ?? []).join('\n');
  }
}
