import {
  type Alias,
  type Document,
  isAlias,
  isMap,
  isScalar,
  isSeq,
  LineCounter,
  type Node,
  type Pair,
  parseDocument,
  type Scalar,
  visit,
} from 'yaml';

/** A place in a text, both counted from 1. */
export interface Position {
  readonly line: number;
  readonly col: number;
}

/** A fault at a place, found before there are values to name. */
export interface SyntaxProblem {
  readonly position: Position;
  readonly text: string;
}

/** A parsed text whose values know where they were written. */
export interface YamlSource {
  readonly value: unknown;
  readonly problems: readonly SyntaxProblem[];
  /** Where the value at `path`, or its key, stands; for a value that is missing, its nearest parent's key. */
  locate(path: readonly PropertyKey[], at?: 'key'): Position;
}

/** Uses of one anchor, multiplied through nested anchors: enough for people, too few for a bomb. */
const ALIASES_MAX = 1_000;

/**
 * Parses YAML 1.2, of which JSON is a subset, into JSON's kinds of values only. Never throws: what
 * is wrong with the text is in `problems`, and `value` is undefined then.
 */
export function parseYaml(text: string): YamlSource {
  const lines = new LineCounter();
  const document = parseDocument(text, {
    lineCounter: lines,
    prettyErrors: false,
    stringKeys: true,
    resolveKnownTags: false,
  });
  const position = (offset: number): Position => {
    const { line, col } = lines.linePos(offset);
    return { line: Math.max(line, 1), col: Math.max(col, 1) };
  };
  const faults = syntaxFaults(document);
  const problems = faults.map(({ offset, text }) => ({ position: position(offset), text }));
  const read = problems.length > 0 ? {} : readValue(document);
  return {
    value: read.value,
    problems: read.fault === undefined ? problems : [{ position: position(aliasOffset(document)), text: read.fault }],
    locate: (path, at) => position(offsetOf(document, path, at)),
  };
}

interface Fault {
  readonly offset: number;
  readonly text: string;
}

function syntaxFaults(document: Document.Parsed): Fault[] {
  const errors = [...document.errors, ...document.warnings];
  const exhausted = errors.find((error) => error.code === 'RESOURCE_EXHAUSTION');
  if (exhausted) return [{ offset: exhausted.pos[0], text: 'it nests too deeply to be read' }];
  if (errors.length > 0) return errors.map((error) => ({ offset: error.pos[0], text: faultText(error) }));
  return valueFaults(document);
}

function faultText(error: { code: string; message: string }): string {
  switch (error.code) {
    case 'DUPLICATE_KEY':
      return 'this key stands twice in its map. Keep one of the two';
    case 'MULTIPLE_DOCS':
      return 'a second document starts here. Keep one document in a file';
    case 'NON_STRING_KEY':
      return 'a key must be plain text';
    case 'TAB_AS_INDENT':
      return 'a tab indents this line. Indent with spaces';
    default:
      return `not valid YAML: ${error.message.replace(/[.\s]+$/, '')}`;
  }
}

/** Values that YAML can write and a frame cannot carry, and aliases that lead nowhere or round in a circle. */
function valueFaults(document: Document.Parsed): Fault[] {
  const faults: Fault[] = [];
  const add = (node: { range?: readonly number[] | null }, text: string) =>
    faults.push({ offset: node.range?.[0] ?? 0, text });
  visit(document, {
    Alias(_key, node, ancestors) {
      const target = node.resolve(document);
      if (target === undefined) add(node, `the alias *${node.source} has no anchor before it`);
      else if (ancestors.includes(target)) add(node, `the alias *${node.source} stands inside its own anchor`);
    },
    Scalar(_key, node) {
      const text = numberFault(node);
      if (text) add(node, text);
    },
    Pair(_key, { key }) {
      if (isScalar(key) && key.value === '__proto__') add(key, 'the key __proto__ is not allowed');
    },
  });
  return faults;
}

function numberFault({ value, source }: Scalar): string | undefined {
  if (typeof value !== 'number') return undefined;
  if (!Number.isFinite(value)) return `${source} is not a number that JSON has`;
  const digitsLost = !Number.isSafeInteger(value) && /^[-+]?\d+$/.test(source ?? '');
  return digitsLost ? `${source} has more digits than a number keeps. Put it in quotes` : undefined;
}

function readValue(document: Document.Parsed): { value?: unknown; fault?: string } {
  try {
    return { value: document.toJS({ maxAliasCount: ALIASES_MAX }) };
  } catch {
    return { fault: `its aliases multiply to more than ${ALIASES_MAX}. Write the values out` };
  }
}

function aliasOffset(document: Document.Parsed): number {
  let offset = 0;
  visit(document, {
    Alias(_key, node: Alias) {
      offset = node.range?.[0] ?? 0;
      return visit.BREAK;
    },
  });
  return offset;
}

function offsetOf(document: Document.Parsed, path: readonly PropertyKey[], at: 'key' | undefined): number {
  let node: unknown = document.contents;
  let offset = startOf(node) ?? 0;
  for (const [depth, step] of path.entries()) {
    const found = child(resolved(node, document), step);
    if (found === undefined) return offset;
    node = found.value;
    const wantsKey = depth < path.length - 1 || at === 'key';
    offset = startOf(wantsKey ? (found.key ?? node) : (node ?? found.key)) ?? offset;
  }
  return offset;
}

function resolved(node: unknown, document: Document.Parsed): unknown {
  return isAlias(node) ? node.resolve(document) : node;
}

function child(node: unknown, step: PropertyKey): { key?: unknown; value: unknown } | undefined {
  if (isSeq(node) && typeof step === 'number') {
    return step < node.items.length ? { value: node.items[step] } : undefined;
  }
  if (!isMap(node)) return undefined;
  return node.items.find((pair: Pair) => isScalar(pair.key) && String(pair.key.value) === String(step));
}

function startOf(node: unknown): number | undefined {
  return (node as Node | null | undefined)?.range?.[0];
}
