import type { Tally } from './seeds.js';

/** Figures and failures, for people. */

/** More are counted and not shown. */
const FAILURES_SHOWN = 10;

export function figures(tally: Tally, elapsedMs: number): string {
  const { seeds, steps, tasks, rows, terms, virtualMs, faults, failures } = tally;
  const lines = [
    ['seeds', `${number(seeds)}, ${number(failures.length)} of them with a violation`],
    ['steps', number(steps)],
    ['tasks', number(tasks)],
    ['rows of the journal', number(rows)],
    ['terms of leadership', number(terms)],
    ['virtual time', `${(virtualMs / 3_600_000).toFixed(1)} h`],
    ['time', `${(elapsedMs / 1_000).toFixed(1)} s, ${(elapsedMs / Math.max(1, seeds)).toFixed(2)} ms a seed`],
    ['faults', faultsInWords(faults)],
  ];
  return lines.map(([what = '', said = '']) => `${what.padEnd(22)}${said}`).join('\n');
}

export function failuresInWords({ failures }: Tally): string {
  const shown = [...failures].sort((a, b) => a.seed - b.seed).slice(0, FAILURES_SHOWN);
  const lines = shown.map(
    ({ seed, problem }) => `seed ${seed}  ${problem}\n  again: npm run simulate -- --seed ${seed}`,
  );
  const more = failures.length - shown.length;
  return [...lines, ...(more > 0 ? [`and ${more} more`] : [])].join('\n');
}

export function progress({ seeds, failures }: Tally, count: number, elapsedMs: number): string {
  const leftMs = seeds === 0 ? 0 : (elapsedMs / seeds) * (count - seeds);
  return `${number(seeds)} of ${number(count)} seeds, ${failures.length} violations, ${Math.ceil(leftMs / 1_000)} s to go`;
}

function faultsInWords(faults: Readonly<Record<string, number>>): string {
  return Object.entries(faults)
    .filter(([, count]) => count > 0)
    .map(([fault, count]) => `${fault} ${number(count)}`)
    .join(', ');
}

function number(value: number): string {
  return Math.round(value).toLocaleString('en');
}
