import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { readAgentsFile } from '#rota/config/agents-file.js';
import { readDocument } from '#rota/config/document.js';
import { runCommand } from '#rota/launch/command.js';
import type { Json } from '#rota/protocol/json.js';
import { OrchestrationSpecSchema } from '#rota/protocol/task.js';
import { checkGraph, topologicalOrder } from '#rota/workflow/graph.js';
import { OrchestrationFileSchema, toOrchestration } from '#rota/workflow/orchestration-file.js';
import { checkPools } from '#rota/workflow/pools.js';
import { expectedOf, expectReport } from '../../support/seattle.js';
import { options } from '../launch/harness.js';

const example = fileURLToPath(new URL('../../../examples/seattle-weather/', import.meta.url));
const { agents } = readAgentsFile(join(example, 'agents.yaml'));
const document = readDocument(join(example, 'pipeline.yaml'), OrchestrationFileSchema);
const { tasks } = OrchestrationSpecSchema.parse(toOrchestration(document.value, 'run-1'));

let workFolder: string;
beforeEach(() => {
  workFolder = mkdtempSync(join(tmpdir(), 'rota-seattle-'));
});
afterEach(() => rmSync(workFolder, { recursive: true }));

/** Runs one task of the pipeline as the process that its agent would start. */
function runTask(key: string, inputs: Record<string, Json>, payload?: Json, onProgress?: () => void): Promise<Json> {
  const task = tasks.find((node) => node.key === key);
  const agent = agents.find(({ pool }) => pool === task?.pool);
  if (!task || !agent) throw new Error(`no task or agent for ${key}`);
  const { pool, workType } = task;
  return runCommand(
    agent.launch,
    {
      taskId: key,
      attempt: 1,
      pool,
      workType,
      payload: payload ?? task.payload,
      inputs,
      key,
      orchestrationId: 'run-1',
    },
    options(onProgress ? { onProgress } : {}),
  );
}

async function runPipeline(): Promise<Map<string, Json>> {
  const results = new Map<string, Json>();
  for (const key of topologicalOrder(tasks)) {
    const dependsOn = tasks.find((task) => task.key === key)?.dependsOn ?? [];
    const inputs = Object.fromEntries(dependsOn.map((other) => [other, results.get(other) ?? null]));
    results.set(key, await runTask(key, inputs, key === 'fetch' ? { workFolder } : undefined));
  }
  return results;
}

describe('the example', () => {
  it('has four agents in three pools, and no fault', () => {
    expect(agents.map(({ id, pool }) => [id, pool])).toEqual([
      ['fetch-1', 'fetchers'],
      ['clean-1', 'cleaners'],
      ['clean-2', 'cleaners'],
      ['analyst-1', 'analysts'],
    ]);
    document.refuse([...checkGraph(tasks), ...checkPools(tasks, agents)]);
  });

  it('writes a report whose numbers are those of the data', async () => {
    const results = await runPipeline();
    expect(results.get('fetch')).toMatchObject({
      ...{ rows: 1461, from: '2012-01-01', to: '2015-12-31', years: [2012, 2013, 2014, 2015] },
      file: join(workFolder, 'seattle-weather.csv'),
    });
    expect(results.get('clean-2012')).toMatchObject({ year: 2012, days: 366, dropped: 0 });
    expect(results.get('report')).toMatchObject({ report: join(workFolder, 'report.md') });

    expectReport(workFolder);

    const text = readFileSync(join(workFolder, 'report.md'), 'utf8');
    const total = expectedOf(/./);
    expect(text).toContain(`1461 days`);
    expect(text).toContain(`${total.rain} mm of rain on ${total.rainyDays} days`);
    expect(text.split('\n').filter((line) => /^\| +\d{4} \|/.test(line))).toHaveLength(4);
    expect(text.split('\n').filter((line) => /^\| +[A-Z][a-z]{2} \|/.test(line))).toHaveLength(12);
    expect(readdirSync(workFolder).filter((name) => name.endsWith('.tmp'))).toEqual([]);
  });

  it('gives the same result when an attempt is repeated', async () => {
    const fetched = await runTask('fetch', {}, { workFolder });
    const again = () => runTask('clean-2014', { fetch: fetched });
    const [first, second] = await Promise.all([again(), again()]);
    expect(second).toEqual(first);
    expect(JSON.parse(readFileSync(join(workFolder, 'clean-2014.json'), 'utf8')).days).toHaveLength(365);
  });

  it('drops rows that are broken or repeated, and says why', async () => {
    const file = join(workFolder, 'broken.csv');
    const rows = [
      'date,precipitation,temp_max,temp_min,wind,weather',
      '2013-01-01,0.0,5.0,1.0,2.0,sun',
      '2013-02-29,0.0,5.0,1.0,2.0,sun',
      '2013-01-02,x,5.0,1.0,2.0,sun',
      '2013-01-03,0.0,1.0,5.0,2.0,sun',
      '2013-01-04,0.0,5.0,1.0',
      '2013-01-05,-1,5.0,1.0,2.0,sun',
      '2013-01-06,0.0,5.0,1.0,2.0,',
      '2013-01-01,9.0,5.0,1.0,2.0,rain',
      '2014-01-01,0.0,5.0,1.0,2.0,sun',
    ];
    writeFileSync(file, rows.join('\n'));
    expect(await runTask('clean-2013', { fetch: { file } })).toMatchObject({ days: 1, dropped: 7 });
    const { days, dropped } = JSON.parse(readFileSync(join(workFolder, 'clean-2013.json'), 'utf8'));
    expect(days).toEqual([{ date: '2013-01-01', rain: 0, max: 5, min: 1, wind: 2, weather: 'sun' }]);
    expect(dropped.map(({ line }: { line: number }) => line)).toEqual([3, 4, 5, 6, 7, 8, 9]);
  });

  it('fails with words when its input is missing or another table', async () => {
    await expect(runTask('clean-2012', {})).rejects.toMatchObject({
      code: 'COMMAND_FAILED',
      message: expect.stringContaining('clean: the input fetch is missing'),
    });
    const file = join(workFolder, 'other.csv');
    writeFileSync(file, 'a,b\n1,2\n');
    await expect(runTask('clean-2012', { fetch: { file } })).rejects.toMatchObject({
      message: expect.stringContaining('found a,b'),
    });
  });

  it('reports progress', async () => {
    let reports = 0;
    await runTask('fetch', {}, { workFolder }, () => void reports++);
    expect(reports).toBe(1);
  });
});
