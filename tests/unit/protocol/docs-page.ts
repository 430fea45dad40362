import { readFileSync } from 'node:fs';

export interface Example {
  /** The name of an export of `frames.ts`, or `QueryReplies.<kind>`. */
  readonly frame: string;
  readonly subject: string;
  readonly json: string;
  readonly bytes: Uint8Array;
}

/** A page of docs/, as the tests that hold it against the code read it. */
export interface Page {
  readonly text: string;
  /** The rows of the tables below a heading, as cells; the first table's own heading is left out. */
  table(heading: string): string[][];
  readonly anchors: { readonly links: readonly string[]; readonly headings: readonly string[] };
}

export function pageOf(name: string): Page {
  const text = readFileSync(new URL(`../../../docs/${name}`, import.meta.url), 'utf8');
  return {
    text,
    table(heading) {
      const [, section = ''] = text.split(new RegExp(`^#+ ${heading}\\n`, 'm'));
      const rows = (section.split(/^#/m)[0] ?? '').split('\n').filter((line) => line.startsWith('| '));
      return rows.slice(1).map((row) =>
        row
          .slice(1, -1)
          .split('|')
          .map((cell) => cell.trim()),
      );
    },
    anchors: {
      links: [...text.matchAll(/\]\(#([\w-]+)\)/g)].map(([, anchor = '']) => anchor),
      headings: [...text.matchAll(/^#+ (.+)$/gm)].map(([, heading = '']) =>
        heading
          .toLowerCase()
          .replace(/[^\w -]/g, '')
          .replaceAll(' ', '-'),
      ),
    },
  };
}

/** Every "Frame `X` on `subject`:" with the JSON and the hex behind it. */
export function examplesOf({ text }: Page): Example[] {
  const examples = text.matchAll(
    /Frame `([\w.]+)` on `([^`]+)`:\n\n```json\n([^`]+)\n```\n\n```hex\n([0-9a-f\s]+)\n```/g,
  );
  return [...examples].map(([, frame = '', subject = '', json = '', hex = '']) => ({
    frame,
    subject,
    json,
    bytes: new Uint8Array(Buffer.from(hex.replace(/\s/g, ''), 'hex')),
  }));
}

/** `` `name` `` → `name`. */
export const code = (cell: string | undefined): string => (cell ?? '').replaceAll('`', '');
