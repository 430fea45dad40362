import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startTestNats, type TestNats } from '../../support/nats-server.js';
import { createLifeLine } from '../launch/harness.js';
import { createFolder, ECHO, jsonLines, type Rota, rota, rotaToEnd, stubborn } from './harness.js';

const folder = createFolder();
let nats: TestNats;
let up: Rota;

beforeAll(async () => {
  nats = await startTestNats();
  const policies = folder.write(
    'policies.yaml',
    `defaults: { rotationWindowMinutes: 0 }
pools:
  patient: { unschedulable: wait }
  scored: { strategy: weighted }
  desk: { availability: { kind: static, available: [ann, ben] } }
`,
  );
  up = rota(['up', '--nats', nats.url, '--store', join(folder.path, 'rota.db'), '--policies', policies]);
  await up.says(/Ctrl-C; twice/);
});
afterAll(async () => {
  await up[Symbol.asyncDispose]();
  await nats[Symbol.asyncDispose]();
  folder[Symbol.dispose]();
});

const at = (...args: string[]) => [...args, '--nats', nats.url];

/** Runs a command to its end, which must be a good one. */
async function ask(...args: string[]): Promise<string> {
  const { code, stdout, stderr } = await rotaToEnd(at(...args));
  expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
  return stdout;
}

/** An agent whose command is a piece of JavaScript, once it has joined. */
async function joined(id: string, pool: string, code: string, ...more: string[]): Promise<Rota> {
  const agent = rota([
    ...at('agent', '--id', id, '--pool', pool, '--exec', process.execPath),
    ...more,
    '--',
    '-e',
    code,
  ]);
  await agent.says(/joined/);
  return agent;
}

describe('who gets it, and why', () => {
  it('decisions, replay, performance and metrics tell of a choice', async () => {
    await using _eve = await joined('eve', 'scored', ECHO, '--roles', 'lead', '--specializations', 'deploy');
    await using _fay = await joined('fay', 'scored', ECHO);
    await ask('submit', '--pool', 'scored', '--id', 'd-1', '--work-type', 'deploy', '--wait');
    await ask('submit', '--pool', 'scored', '--id', 'd-2', '--strategy', 'least-loaded', '--exclude', 'eve', '--wait');

    const table = await ask('decisions', '--pool', 'scored', '--since', '1h');
    expect(table).toMatch(/^TIME +TASK +POOL +WORK +AGENT +ATTEMPT +STRATEGY +SCORE +OF +WHY\n/);
    expect(table).toMatch(/ d-1 +scored +deploy +eve +1 +weighted +\d+\.\d +2 /);
    expect(table.indexOf('d-2')).toBeLessThan(table.indexOf('d-1'));
    const [decision] = jsonLines(await ask('decisions', '--task', 'd-1', '--json'));
    expect(decision).toMatchObject({ agentId: 'eve', specializationMatch: true, scoreParts: { specialization: 20 } });
    const none = await rotaToEnd(at('decisions', '--agent', 'eve', '--work-type', 'default'));
    expect(none).toMatchObject({ code: 0, stdout: '', stderr: 'no decisions\n' });

    expect(await ask('replay', 'd-1')).toBe('d-1, token 1: eve again (weighted), the same byte for byte\n');
    expect(jsonLines(await ask('replay', 'd-1', '--token', '1', '--json'))[0]).toMatchObject({ same: true });

    const performance = await ask('performance', '--work-type', 'deploy');
    expect(performance).toMatch(/^AGENT +WORK +DONE +FAILED +SUCCESS +MEAN +LAST +DIFFICULTY\n/);
    expect(performance).toMatch(/^eve +deploy +1 +0 +100 % +\d+\.\d s +\S+ \S+ +straightforward$/m);

    const metrics = await ask('metrics');
    expect(metrics).toMatch(/^\d+ assignments? since 2/);
    expect(metrics).toMatch(/^scored +weighted +1$/m);
    expect(metrics).toMatch(/^ASSIGNED WITHIN +TASKS +SHARE$/m);
    expect(jsonLines(await ask('metrics', '--json'))[0]).toHaveProperty('latency');

    const agents = await ask('agents', '--pool', 'scored');
    expect(agents).toMatch(/^eve +scored +bot +online +0\/1 +1 +0 +roles lead; best at deploy$/m);
  });

  it('explain tells a stranger where a task is and what to do', async () => {
    await using lifeLine = await createLifeLine();
    await using _agent = await joined('gus', 'patient', stubborn(lifeLine.port), '--capabilities', 'csv');
    await ask('submit', '--pool', 'patient', '--id', 'p-1');
    const held = await lifeLine.next();
    await ask('submit', '--pool', 'patient', '--id', 'p-2');
    await ask('submit', '--pool', 'patient', '--id', 'p-3', '--capabilities', 'sql');

    const listed = await ask('tasks', '--pool', 'patient', '--status', 'pending');
    expect(listed).toMatch(/^p-2 .* the one agent that fits is busy$/m);
    expect(listed).toMatch(/^p-3 .* no agent of pool patient has all of: sql$/m);
    const [{ task }] = jsonLines(await ask('show', 'p-2', '--json')) as [{ task: { submittedBy: string } }];
    // Its id is the task's alone, and says nothing of who asks: a rate limit goes by that.
    expect(task.submittedBy).toMatch(/^client-/);

    const waits = await ask('explain', 'p-2');
    expect(waits).toMatch(/^p-2 pending in pool patient\nIt waits: /);
    expect(waits).toMatch(/\n\nWhat to do\n {2}1\. /);
    expect(waits).toMatch(/\n\nWho can not, and what would change that\n {2}1 agent: gus\n {4}.+\n {4}→ .+/);
    expect(await ask('explain', 'p-3')).toMatch(/→ .*sql/);
    expect(jsonLines(await ask('explain', 'p-3', '--json'))[0]).toMatchObject({ groups: [{ reason: 'capability' }] });

    const given = await ask('explain', 'p-1');
    expect(given).toMatch(/^p-1 running in pool patient\nIt is with gus\. /);
    expect(given).toMatch(/\n\nWhy gus\n {2}\S/);
    expect(given).toMatch(/attempt 1, .*, round-robin, 1 candidate, its chance was 100 %/);
    const unknown = await rotaToEnd(at('explain', 'nothing'));
    expect(unknown).toMatchObject({ code: 1, stdout: '' });
    expect(unknown.stderr).toMatch(/^rota: There is no task nothing\./);
    await ask('cancel', 'p-1', 'p-2', 'p-3');
    await held.gone;
  });

  it('agents that do not speak rota are registered, assigned to, settled for and cordoned', async () => {
    for (const id of ['ann', 'ben']) {
      const profile = ['--pool', 'desk', '--kind', 'human', '--availability', 'source'];
      expect(await ask('agents', 'register', id, ...profile)).toBe(`${id} is registered in desk\n`);
    }
    const assigned = await ask('assign', '--pool', 'desk', '--id', 'ticket', '--work-type', 'refund');
    const [, first = ''] = assigned.match(/^ticket is for (ann|ben), token 1: ./) ?? [];
    expect(await ask('settle', 'ticket', 'release', '--reason', 'on holiday')).toMatch(/^ticket is released/);
    const stale = await rotaToEnd(at('settle', 'ticket', 'confirm', '--token', '1'));
    expect(stale).toMatchObject({ code: 1, stdout: '' });
    expect(stale.stderr).toMatch(/not taken \(STALE_LEASE\)\. .*rota explain ticket/);
    expect(await ask('settle', 'ticket', 'confirm')).toBe('ticket is confirmed\n');
    expect(await ask('settle', 'ticket', 'complete', '--result', '{"ok":true}')).toBe('ticket is completed\n');
    const shown = await ask('show', 'ticket');
    expect(shown).toMatch(new RegExp(`rejected on ${first}`));
    expect(shown).toMatch(/^result\n {2}{\n {4}"ok": true/m);

    expect(await ask('agents', 'cordon', 'ann', 'ben')).toMatch(/^ann gets nothing new.*\nben gets nothing new/);
    expect(await ask('agents', '--pool', 'desk')).toMatch(/^ann +desk +human +online, cordoned +0\/1 /m);
    const nobody = await rotaToEnd(at('assign', '--pool', 'desk'));
    expect(nobody).toMatchObject({ code: 1, stdout: '' });
    expect(nobody.stderr).toMatch(/^rota: No agent of pool desk can take task .* now: /);
    const circle = await rotaToEnd(at('assign', '--pool', 'desk', '--from', 'ann', '--hops', '9'));
    expect(circle.stderr).toMatch(/^rota: The task was handed over 9 times; the pool allows 5\. The task goes round/);
    expect(await ask('agents', 'uncordon', 'ann')).toBe('ann gets tasks again\n');
    expect(jsonLines(await ask('assign', '--pool', 'desk', '--json'))[0]).toMatchObject({ agentId: 'ann', token: 1 });
    expect(await ask('agents', 'deregister', 'ben')).toBe('ben is deregistered\n');
    expect(await ask('agents', '--pool', 'desk')).not.toContain('ben');
  });
});

describe('rota run', () => {
  it('goes by a policies file, and by what the tasks say', async () => {
    const launch = { command: process.execPath, args: ['-e', ECHO] };
    const agents = [
      { id: 'one', pool: 'dev', launch },
      { id: 'two', pool: 'dev', roles: ['lead'], launch },
    ];
    const agentsFile = folder.write('run-agents.yaml', JSON.stringify({ agents }));
    const policies = folder.write('run-policies.yaml', 'defaults: { strategy: least-loaded }\n');
    const file = folder.write(
      'run.yaml',
      `name: chosen
tasks:
  led: { pool: dev, roles: [lead] }
  named: { pool: dev, assignee: one, dependsOn: [led] }
  other: { pool: dev, excludeAgents: [one], strategy: random, dependsOn: [named] }
`,
    );
    const { code, stdout } = await rotaToEnd(['run', file, '--agents', agentsFile, '--policies', policies]);
    expect(code).toBe(0);
    for (const [task, agent] of Object.entries({ led: 'two', named: 'one', other: 'two' })) {
      expect(stdout).toMatch(new RegExp(`${task} completed on ${agent} `));
    }
  });
});
