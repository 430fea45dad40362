import { execFile } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startTestNats, type TestNats } from '../../support/nats-server.js';
import { createLifeLine } from '../launch/harness.js';
import { agentsFile, createFolder, ECHO, jsonLines, type Rota, rota, rotaToEnd, stubborn } from './harness.js';

const folder = createFolder();
let nats: TestNats;
let up: Rota;

beforeAll(async () => {
  nats = await startTestNats();
  up = rota(['up', '--nats', nats.url, '--store', join(folder.path, 'rota.db'), '--lease-ms', '5000']);
  await up.says(/Ctrl-C; twice/);
});
afterAll(async () => {
  await up[Symbol.asyncDispose]();
  await nats[Symbol.asyncDispose]();
  folder[Symbol.dispose]();
});

const at = (...args: string[]) => [...args, '--nats', nats.url];

/** An agent whose command is a piece of JavaScript. */
function agentOf(id: string, pool: string, code: string, ...more: string[]): Rota {
  return rota([...at('agent', '--id', id, '--pool', pool, '--exec', process.execPath), ...more, '--', '-e', code]);
}

describe('up, agent and their clients', () => {
  it('says where it is and how to use it', () => {
    expect(up.stdout).toContain(nats.url);
    expect(up.stdout).toContain(`rota submit --nats ${nats.url} --pool dev`);
    expect(up.stdout).toContain(join(folder.path, 'rota.db'));
    expect(jsonLines(up.stderr)).toContainEqual(expect.objectContaining({ msg: 'leading', namespace: 'rota' }));
  });

  it('sees a task through across processes', async () => {
    await using agent = agentOf('ann', 'dev', ECHO);
    await agent.says(/ann joined dev/);
    const submitted = await rotaToEnd(
      at('submit', '--pool', 'dev', '--id', 'task-1', '--payload', '{"a":1}', '--wait'),
    );
    expect(submitted).toMatchObject({ code: 0, stderr: '' });
    expect(submitted.stdout).toMatch(/^task-1\ncompleted on ann, attempt 1\n{\n {2}"got": {\n {4}"a": 1\n/);
    await agent.says(/ann completed task-1 in/);

    const fromStdin = await rotaToEnd(at('submit', '--pool', 'dev', '--payload', '-', '--wait', '--json'), {
      input: '[2]',
    });
    expect(jsonLines(fromStdin.stdout)[0]).toMatchObject({ status: 'completed', result: { got: [2] }, agentId: 'ann' });

    const tasks = await rotaToEnd(at('tasks', '--pool', 'dev'));
    expect(tasks.stdout).toMatch(/^ID +STATUS +POOL +TASK +AGENT +ATTEMPT +AGE +WHY\n/);
    expect(tasks.stdout).toMatch(/^task-1 +completed +dev +default +ann +1\/3 /m);
    const json = await rotaToEnd(at('tasks', '--pool', 'dev', '--status', 'completed', '--json'));
    expect(jsonLines(json.stdout).map(({ status }) => status)).toEqual(['completed', 'completed']);

    const agents = await rotaToEnd(at('agents', '--pool', 'dev'));
    expect(agents.stdout).toMatch(/^ann +dev +bot +online +0\/1 +2 +0 +-$/m);

    const shown = await rotaToEnd(at('show', 'task-1'));
    expect(shown.stdout).toMatch(/^status +completed$/m);
    expect(shown.stdout).toMatch(/^ {2}1 {2}completed on ann/m);
    expect(shown.stdout).toMatch(/the only free agent \(round-robin, 1 could have taken it\)/);
    expect(shown.stdout).toMatch(/^result\n {2}{\n {4}"got"/m);
    const detail = jsonLines((await rotaToEnd(at('show', 'task-1', '--json'))).stdout)[0];
    expect(detail).toMatchObject({ task: { id: 'task-1' }, result: { got: { a: 1 } }, refusals: [] });

    agent.child.kill('SIGINT');
    expect(await agent.exit).toBe(0);
  });

  it('a task that fails is an exit code of 1, with its error and without what a terminal obeys', async () => {
    await using agent = agentOf('bob', 'bad', `console.error('no \\u001b[31mdisk'); process.exit(3)`);
    await agent.says(/joined/);
    const { code, stdout } = await rotaToEnd(
      at('submit', '--pool', 'bad', '--id', 'bad-1', '--max-attempts', '1', '--wait'),
    );
    expect(code).toBe(1);
    expect(stdout).toMatch(/^failed on bob, attempt 1$/m);
    expect(stdout).toContain('no disk');
    expect(stdout).not.toContain('\u001b');
    await agent.says(/bob failed bad-1/);
    expect((await rotaToEnd(at('show', 'bad-1'))).stdout).toMatch(/^error COMMAND_FAILED$/m);
  });

  it('an agent id of another pool is refused in a line', async () => {
    await using ann = agentOf('cem', 'one', ECHO);
    await ann.says(/joined/);
    const { code, stderr } = await rotaToEnd(at('agent', '--id', 'cem', '--pool', 'other', '--exec', 'cat'));
    expect(code).toBe(1);
    expect(stderr.trim().split('\n')).toEqual([expect.stringMatching(/^rota: Agent cem is in pool one, not other\. /)]);
  });

  it('says what is not known', async () => {
    const unknown = await rotaToEnd(at('show', 'nothing'));
    expect(unknown).toMatchObject({ code: 1, stdout: '' });
    expect(unknown.stderr).toMatch(/^rota: There is no task nothing\. Check the id; `rota tasks` lists/);
    const cancelled = await rotaToEnd(at('cancel', 'nothing'));
    expect(cancelled).toMatchObject({ code: 1, stdout: 'nothing is not known\n' });
  });

  it('a task that nobody could ever take fails at once, with the remedy', async () => {
    const lonely = await rotaToEnd(at('submit', '--pool', 'nobody', '--id', 'lonely'));
    expect(lonely).toMatchObject({ code: 1, stdout: 'lonely\n' });
    expect(lonely.stderr).toMatch(/^rota: No agent is registered in pool nobody\. Register an agent that fits/);
    const waiting = await rotaToEnd(at('submit', '--pool', 'nobody', '--id', 'lonely-2', '--wait'));
    expect(waiting).toMatchObject({ code: 1, stderr: '' });
    expect(waiting.stdout).toMatch(/^lonely-2\nfailed\n {2}No agent is registered in pool nobody\./);
  });

  it('a run goes to the coordinator, and another process cancels it', async () => {
    await using lifeLine = await createLifeLine();
    const file = folder.write(
      'far.yaml',
      'name: far\ntasks:\n  one: { pool: far }\n  two: { pool: far, dependsOn: [one] }\n',
    );
    const agents = folder.write('far-agents.yaml', agentsFile({ far: stubborn(lifeLine.port) }));
    await using agent = rota(at('agent', '--agents', agents));
    await agent.says(/joined/);
    await using run = rota(at('run', file, '--id', 'far-1'));
    const held = await lifeLine.next();
    await run.says(/one running on far-1/);
    const cancelled = await rotaToEnd(at('cancel', '--orchestration', 'far-1'));
    expect(cancelled.code).toBe(0);
    expect(await run.exit).toBe(1);
    expect(run.stdout).toMatch(/far cancelled in .*: 1 skipped, 1 cancelled of 2 tasks/);
    await held.gone;
    agent.child.kill('SIGINT');
    expect(await agent.exit).toBe(0);
  });

  it('an agent drains at the first Ctrl-C and is killed at the second', async () => {
    await using lifeLine = await createLifeLine();
    await using agent = agentOf('cid', 'hold', stubborn(lifeLine.port));
    await agent.says(/joined/);
    await rotaToEnd(at('submit', '--pool', 'hold', '--id', 'hold-1'));
    const first = await lifeLine.next();
    agent.child.kill('SIGINT');
    await agent.says(/draining: 1 task to finish/);
    first.release();
    expect(await agent.exit).toBe(0);
    expect(agent.stdout).toMatch(/cid completed hold-1/);

    await using second = agentOf('cid', 'hold', stubborn(lifeLine.port));
    await rotaToEnd(at('submit', '--pool', 'hold', '--id', 'hold-2'));
    const held = await lifeLine.next();
    second.child.kill('SIGINT');
    await second.says(/draining/);
    second.child.kill('SIGINT');
    expect(await second.exit).toBe(130);
    await held.gone;
  });

  it('waits for a coordinator, and says so once', async () => {
    const args = at('tasks', '--namespace', 'empty', '--patience-ms', '300');
    const { code, stderr } = await rotaToEnd(args);
    expect(code).toBe(3);
    expect(stderr.match(/waiting for a coordinator at nats:.* \(namespace empty\)/g)).toHaveLength(1);
    expect(stderr).toMatch(/^rota: No coordinator answers at .*Start one with `rota up`/m);
  });

  it('up started twice on one store: the second says that it stands by, and leads when the first stops', async () => {
    const shared = at('up', '--store', join(folder.path, 'shared.db'), '--namespace', 'shared');
    await using first = rota(shared);
    await first.says(/is up\n(.*\n)* +namespace +shared, epoch 1\n/);
    await using second = rota(shared);
    await second.says(/stands by\n(.*\n)* +namespace +shared; another coordinator leads\n/);
    first.child.kill('SIGINT');
    expect(await first.exit).toBe(0);
    await second.says(/"epoch":2,.*"msg":"leading"/);
    second.child.kill('SIGINT');
    expect(await second.exit).toBe(0);
  });

  it('an agent says once that no coordinator serves any more, and once that one does again', async () => {
    const brief = at('up', '--store', 'none', '--namespace', 'brief', '--lease-ms', '500');
    await using first = rota(brief);
    await first.says(/is up/);
    await using agent = agentOf('dee', 'dev', ECHO, '--namespace', 'brief');
    await agent.says(/joined/);
    first.child.kill('SIGKILL');
    await agent.says(/no coordinator serves at nats:.* \(namespace brief\); what runs goes on/);
    await using _second = rota(brief);
    await agent.says(/a coordinator serves again at nats:/);
    agent.child.kill('SIGINT');
    expect(await agent.exit).toBe(0);
    expect(agent.stderr.match(/ coordinator serves /g)).toHaveLength(2);
  });

  it('up ends with the reason when its nats-server is gone for good', async () => {
    await using own = rota(['up', '--port', '0', '--store', 'none']);
    await own.says(/is up/);
    const { stdout } = await promisify(execFile)('pgrep', ['-P', String(own.child.pid), 'nats-server']);
    process.kill(Number(stdout.trim()), 'SIGKILL');
    expect(await own.exit).toBe(3);
    expect(own.stderr).toMatch(/^rota: The nats-server of this process ended \(SIGKILL\)/m);
  });
});

describe('up with a server of its own', () => {
  it('starts one, runs agents, drains at Ctrl-C and takes the server with it', async () => {
    const agents = folder.write('own.yaml', agentsFile({ dev: ECHO }));
    await using own = rota(['up', '--port', '0', '--store', 'none', '--agents', agents]);
    const [, url = ''] = await own.says(/listening +(nats:\S+) \(its own/);
    const done = await rotaToEnd(['submit', '--pool', 'dev', '--payload', '7', '--wait', '--json'], {
      env: { ROTA_NATS: url },
    });
    expect(jsonLines(done.stdout)[0]).toMatchObject({ status: 'completed', result: { got: 7 } });
    own.child.kill('SIGINT');
    expect(await own.exit).toBe(0);
    expect(jsonLines(own.stderr).map(({ msg }) => msg)).toEqual(
      expect.arrayContaining(['leading', 'started', 'completed', 'stopped']),
    );
    expect((await rotaToEnd(['tasks'], { env: { ROTA_NATS: url } })).code).toBe(3);
  });

  it('says what to do when the port is taken', async () => {
    const { code, stderr } = await rotaToEnd(['up', '--port', String(nats.port), '--store', 'none']);
    expect(code).toBe(3);
    expect(stderr).toContain(`port ${nats.port} on 127.0.0.1 is taken`);
    expect(stderr).toContain(`rota up --nats ${nats.url}`);
  });

  it('stops at once at the second Ctrl-C, with all that it started', async () => {
    await using lifeLine = await createLifeLine();
    const agents = folder.write('own-hold.yaml', agentsFile({ hold: stubborn(lifeLine.port) }));
    await using own = rota(['up', '--port', '0', '--store', 'none', '--agents', agents]);
    const [, url = ''] = await own.says(/listening +(nats:\S+) \(its own/);
    await rotaToEnd(['submit', '--pool', 'hold', '--nats', url]);
    const held = await lifeLine.next();
    own.child.kill('SIGINT');
    await own.says(/draining/);
    own.child.kill('SIGINT');
    expect(await own.exit).toBe(130);
    await held.gone;
    expect((await rotaToEnd(['tasks', '--nats', url])).code).toBe(3);
  });
});

it('the installed command is a program', () => {
  const { bin } = JSON.parse(readFileSync(new URL('../../../package.json', import.meta.url), 'utf8'));
  const file = new URL(`../../../${bin.rota}`, import.meta.url);
  expect(readFileSync(file, 'utf8')).toMatch(/^#!\/usr\/bin\/env node\n/);
});
