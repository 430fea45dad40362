/** A fault of an orchestration, as data: who has the file turns `path` into a line and a column. */
export interface Problem {
  /** From the root of the orchestration file: `['tasks', 'clean', 'dependsOn', 1]`. */
  readonly path: readonly (string | number)[];
  /** What is wrong with the value there, without a full stop. */
  readonly problem: string;
  /** What to do about it, as a sentence. */
  readonly remedy?: string;
  /** What would have been right, for a "did you mean". */
  readonly known?: readonly string[];
}
