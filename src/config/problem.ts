/** A fault of a document, as data: whoever finds it needs to know neither file nor line. */
export interface Problem {
  /** Keys and indices that lead to the value. */
  readonly path: readonly PropertyKey[];
  /** What is wrong there, without a full stop: `expected a string`. */
  readonly problem: string;
  /** What to do about it, as a sentence. */
  readonly remedy?: string;
  /** What would have been right; the reader is told the nearest. */
  readonly known?: readonly string[];
  /** Set when the key is at fault, not its value. */
  readonly at?: 'key';
}

const VALUE_CHARS = 60;
const KNOWN_SHOWN = 12;

/** `tasks.clean.pool is 42: expected a string. Put it in quotes: "42".` */
export function problemText(problem: Problem, value: unknown): string {
  const place = pathText(problem.path);
  const subject = problem.at === 'key' ? place : `${place} ${valueText(value)}`;
  const given = problem.at === 'key' ? problem.path.at(-1) : value;
  return [`${subject}: ${problem.problem}.`, knownText(given, problem.known), problem.remedy].filter(Boolean).join(' ');
}

/** The one of `known` that `given` was probably meant to be; undefined when none is close. */
function nearest(given: string, known: readonly string[]): string | undefined {
  const bound = Math.max(1, Math.floor(given.length / 3));
  let best: { word: string; distance: number } | undefined;
  for (const word of known) {
    if (Math.abs(word.length - given.length) > bound) continue;
    const distance = editDistance(given.toLowerCase(), word.toLowerCase());
    if (distance <= bound && distance < (best?.distance ?? Infinity)) best = { word, distance };
  }
  return best?.word;
}

/** `['tasks', 'clean', 'dependsOn', 1]` → `tasks.clean.dependsOn[1]`. The file is the reader's own: its keys are shown. */
function pathText(path: readonly PropertyKey[]): string {
  const text = path
    .map((key) =>
      typeof key === 'number' ? `[${key}]` : `.${/^[\w-]+$/.test(String(key)) ? String(key) : JSON.stringify(key)}`,
    )
    .join('');
  return text.replace(/^\./, '') || 'the document';
}

/** A value short enough for one line; what a map or list holds stays out of it. */
function valueText(value: unknown): string {
  if (value === undefined) return 'is missing';
  if (Array.isArray(value)) return 'is a list';
  if (typeof value === 'object' && value !== null) return 'is a map';
  const text = JSON.stringify(value) ?? String(value);
  return `is ${text.length > VALUE_CHARS ? `${text.slice(0, VALUE_CHARS)}…` : text}`;
}

function knownText(given: unknown, known: readonly string[] | undefined): string {
  if (known === undefined || known.length === 0) return '';
  const meant = typeof given === 'string' ? nearest(given, known) : undefined;
  const more = known.length > KNOWN_SHOWN ? ` and ${known.length - KNOWN_SHOWN} more` : '';
  const choices = `Known here: ${known.slice(0, KNOWN_SHOWN).join(', ')}${more}.`;
  return meant === undefined ? choices : `Did you mean ${JSON.stringify(meant)}? ${choices}`;
}

/** Edits from one word to the other, two swapped neighbours counting as one (optimal string alignment). */
function editDistance(a: string, b: string): number {
  let above: number[] = [];
  let row = Array.from({ length: b.length + 1 }, (_, column) => column);
  for (let i = 0; i < a.length; i++) {
    const next = [i + 1];
    for (let j = 0; j < b.length; j++) {
      const replaced = (row[j] ?? 0) + (a[i] === b[j] ? 0 : 1);
      const swapped = i > 0 && j > 0 && a[i] === b[j - 1] && a[i - 1] === b[j];
      next.push(
        Math.min(replaced, (row[j + 1] ?? 0) + 1, (next[j] ?? 0) + 1, swapped ? (above[j - 1] ?? 0) + 1 : Infinity),
      );
    }
    above = row;
    row = next;
  }
  return row[b.length] ?? 0;
}
