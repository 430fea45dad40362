import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { readAgentsFile } from '#rota/config/agents-file.js';

let folder: string;
let file: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'rota-agents-'));
  file = join(folder, 'agents.yaml');
});
afterEach(() => rmSync(folder, { recursive: true }));

it('gives each agent its profile with defaults, and its launch with an absolute cwd', () => {
  writeFileSync(
    file,
    `agents:
  - {id: a, pool: p, launch: {command: node, args: [x.mjs], cwd: sub/.., env: {HOME_IS: $HOME}, timeoutMs: 5, shell: true}}
  - {id: b, pool: p, kind: ai, capabilities: [csv], maxConcurrency: 2, prefetch: 1, launch: {command: node}}
  - id: c
    pool: p
    enabled: false
    roles: [lead]
    specializations: [deploy]
    embedding: [0.5, 1]
    workingHours: {timeZone: Europe/Berlin, spans: [{days: [mon, tue], from: '09:00', to: '17:00'}]}
    launch: {command: node}`,
  );
  const launch = { command: 'node', cwd: folder };
  expect(readAgentsFile(file).agents).toEqual([
    {
      ...{ id: 'a', pool: 'p', kind: 'bot', enabled: true, maxConcurrency: 1, prefetch: 0 },
      ...{ capabilities: [], roles: [], specializations: [] },
      launch: { ...launch, args: ['x.mjs'], env: { HOME_IS: '$HOME' }, timeoutMs: 5, shell: true },
    },
    {
      ...{ id: 'b', pool: 'p', kind: 'ai', enabled: true, maxConcurrency: 2, prefetch: 1, launch },
      ...{ capabilities: ['csv'], roles: [], specializations: [] },
    },
    {
      ...{ id: 'c', pool: 'p', kind: 'bot', enabled: false, maxConcurrency: 1, prefetch: 0, launch },
      ...{ capabilities: [], roles: ['lead'], specializations: ['deploy'], embedding: [0.5, 1] },
      workingHours: { timeZone: 'Europe/Berlin', spans: [{ days: ['mon', 'tue'], from: '09:00', to: '17:00' }] },
    },
  ]);
});

it.each([
  ['agents: []', '1:9: agents is a list: expected at least 1 item.'],
  ['agents:\n  - {id: a, pool: p}', '2:5: agents[0].launch is missing: expected a map of keys and values.'],
  [
    'agents:\n  - {id: a, pool: p, launch: {comand: x, command: y}}',
    '2:31: agents[0].launch.comand: this key is not known. Did you mean "command"?',
  ],
  [
    'agents:\n  - {id: a, pool: p, launch: {command: x, env: {PORT: 80}}}',
    'agents[0].launch.env.PORT is 80: expected a string. Put it in quotes.',
  ],
  [
    'agents:\n  - {id: a, pool: p, launch: {command: x, env: {A=B: c}}}',
    'agents[0].launch.env."A=B": the key must be a variable name.',
  ],
  [
    'agents:\n  - {id: a, pool: p, availability: source, launch: {command: x}}',
    '2:22: agents[0].availability: this key is not known.',
  ],
  [
    'agents:\n  - {id: a, pool: p, workingHours: {timeZone: Berlin, spans: []}, launch: {command: x}}',
    'agents[0].workingHours.timeZone is "Berlin": must be an IANA time zone, such as Europe/Berlin.',
  ],
  ['agents:\n  - {id: a, pool: p, launch: {command: x, args: ["a\\0b"]}}', 'expected text without NUL characters.'],
  [
    'agents:\n  - {id: a, pool: p, launch: {command: x}}\n  - {id: a, pool: q, launch: {command: x}}',
    '3:10: agents[1].id is "a": agents[0] has this id already. Give each its own id.',
  ],
])('refuses %j', (text, message) => {
  writeFileSync(file, text);
  expect(() => readAgentsFile(file)).toThrow(message);
});
