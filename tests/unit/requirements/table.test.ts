import { existsSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';

/** docs/requirements.md: every criterion has its row, and every test that a row names exists. */

const ROOT = new URL('../../../', import.meta.url);
const PAGE = readFileSync(new URL('docs/requirements.md', ROOT), 'utf8');

const numbers = (prefix: string, count: number): string[] =>
  Array.from({ length: count }, (_, n) => `${prefix}${n + 1}`);
const names = (prefix: string, list: string): string[] => list.split(', ').map((name) => `${prefix}${name}`);

/** What was asked for: the criteria, tasks and tests of story 3.9 and of plan 03-03, in their order. */
const CRITERIA: readonly string[] = [
  ...['AC1a', 'AC1b', 'AC1c', 'AC2a', 'AC2b', 'AC3a', 'AC3b', 'AC3c'],
  ...[5, 5, 5, 5, 5, 8, 5].flatMap((count, task) => numbers(`${task + 1}.`, count)),
  ...numbers('S', 4),
  ...numbers('C', 6),
  ...[...numbers('T', 5), ...numbers('A', 3), ...numbers('L', 3)],
  ...names('1 ', 'registry, performance, decision'),
  ...names('2 ', 'up, down, cascade, set null, unique, indexes'),
  ...names('3 ', 'candidates, score, best, record, selection, retry, recent context, load, log decision, success rate'),
  ...names('3 ', 'empty pool, other agent, final failure, log'),
  ...names('test_route_', 'to_online_agent, prefers_higher_success_rate, prefers_recent_context'),
  ...names(
    'test_route_',
    'prefers_specialization, balances_load, offline_agent_pool_fails, missing_capability_skipped',
  ),
  ...names('test_', 'success_rate_scoring, context_bonus, specialization_bonus, load_balancing, minimum_sample_size'),
  ...names('test_', 'perfect_agent_max_score, routing_decision_logged, routing_decision_includes_reason'),
  ...names(
    'test_',
    'routing_includes_retry_flag, audit_queryable, retry_on_first_agent_failure, max_retries_respected',
  ),
  ...names('test_', 'final_retry_failure_raises, permanent_error_no_retry, retry_count_tracked, success_count_updated'),
  ...names('test_', 'failure_count_updated, success_rate_calculated, last_execution_at_recorded'),
  ...names('test_', 'difficulty_assessment_stored, register_new_agent, agent_online_status, agent_capabilities_stored'),
  ...names('test_', 'specialization_optional'),
  ...numbers('SC', 11),
  ...numbers('I', 3),
];

interface Row {
  readonly id: string;
  readonly proof: string;
}

const ROWS: readonly Row[] = [...PAGE.matchAll(/^\| id \|.*\n\|[-|]+\n((?:\|.*\n)+)/gm)]
  .flatMap(([, rows = '']) => rows.trim().split('\n'))
  .map((row) => {
    const cells = row.slice(1, -1).split('|');
    return { id: cells[0]?.trim() ?? '', proof: cells.at(-1)?.trim() ?? '' };
  });

/** Each test that a row names: the file and the title. */
const PROOFS = ROWS.flatMap(({ id, proof }) =>
  [...proof.matchAll(/`([a-z-]+(?:\/[a-z.-]+)+)` ([^<]+?)(?=<br>|$)/g)].map(([, file = '', title = '']) => ({
    id,
    file,
    title,
  })),
);

function pathOf(file: string): string {
  const name = file.endsWith('.contract') ? `tests/${file}.ts` : `tests/${file}.test.ts`;
  return fileURLToPath(new URL(name, ROOT));
}

/** The titles that stand in a file, as they are written. */
function titlesOf(path: string): Set<string> {
  const source = readFileSync(path, 'utf8');
  const titles = source.matchAll(/\b(?:it|test)(?:\.each)?\([^'`]*?(['`])((?:(?!\1).)+)\1|\]\)\(\s*(['`])(.+?)\3/g);
  return new Set([...titles].map(([, , title, , each]) => title ?? each ?? ''));
}

describe('the table of requirements', () => {
  it('has a row for each criterion, and for nothing else', () => {
    expect(ROWS.map(({ id }) => id)).toEqual(CRITERIA);
  });

  it('names a test in each row but the one that speaks of all tests', () => {
    const proved = new Set(PROOFS.map(({ id }) => id));
    expect(CRITERIA.filter((id) => !proved.has(id))).toEqual(['SC7']);
  });

  it.each(PROOFS)('$id: $file has the test "$title"', ({ file, title }) => {
    const path = pathOf(file);
    expect(existsSync(path), path).toBe(true);
    expect(titlesOf(path)).toContain(title);
  });
});
