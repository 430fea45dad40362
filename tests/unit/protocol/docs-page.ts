import { readFileSync } from 'node:fs';

const PAGE = readFileSync(new URL('../../../docs/protocol.md', import.meta.url), 'utf8');

export interface Example {
  /** The name of an export of `frames.ts`, or `QueryReplies.<kind>`. */
  readonly frame: string;
  readonly subject: string;
  readonly json: string;
  readonly bytes: Uint8Array;
}

/** Every "Frame `X` on `subject`:" with the JSON and the hex behind it. */
export const EXAMPLES: readonly Example[] = [
  ...PAGE.matchAll(/Frame `([\w.]+)` on `([^`]+)`:\n\n```json\n([^`]+)\n```\n\n```hex\n([0-9a-f\s]+)\n```/g),
].map(([, frame = '', subject = '', json = '', hex = '']) => ({
  frame,
  subject,
  json,
  bytes: new Uint8Array(Buffer.from(hex.replace(/\s/g, ''), 'hex')),
}));

export const FENCES = {
  json: [...PAGE.matchAll(/^```json$/gm)].length,
  hex: [...PAGE.matchAll(/^```hex$/gm)].length,
};

/** The rows of the first table below a heading, as cells. */
export function table(heading: string): string[][] {
  const [, section = ''] = PAGE.split(new RegExp(`^#+ ${heading}\\n`, 'm'));
  const rows = (section.split(/^#/m)[0] ?? '').split('\n').filter((line) => line.startsWith('| '));
  return rows.slice(1).map((row) =>
    row
      .slice(1, -1)
      .split('|')
      .map((cell) => cell.trim()),
  );
}

/** `` `name` `` → `name`. */
export const code = (cell: string | undefined): string => (cell ?? '').replaceAll('`', '');

export const ANCHORS = {
  links: [...PAGE.matchAll(/\]\(#([\w-]+)\)/g)].map(([, anchor]) => anchor),
  headings: [...PAGE.matchAll(/^#+ (.+)$/gm)].map(([, text = '']) =>
    text
      .toLowerCase()
      .replace(/[^\w -]/g, '')
      .replaceAll(' ', '-'),
  ),
};
