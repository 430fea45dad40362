import { describe, expect, it } from 'vitest';
import { decode, encode, packedSize } from '#rota/protocol/codec.js';
import { type ErrorCode, RotaError } from '#rota/protocol/errors.js';
import {
  AssignmentSchema,
  HeartbeatFrame,
  RegisterFrame,
  ReportFrame,
  SubmitFrame,
  SubmitReply,
  ToFrame,
} from '#rota/protocol/frames.js';
import { COMBINED_BOUNDS, LIMITS } from '#rota/protocol/limits.js';

/** A list of texts that takes exactly `bytes` bytes, encoded. */
function value(bytes: number): string[] {
  const texts: string[] = [];
  const step = 30_000;
  while (bytes - packedSize(texts) > 40_000) texts.push('x'.repeat(step));
  const rest = bytes - packedSize([...texts, 'x'.repeat(300)]);
  const result = [...texts, 'x'.repeat(300 + rest)];
  expect(packedSize(result)).toBe(bytes);
  return result;
}

const longName = 'x'.repeat(LIMITS.nameChars);
const longest = Number.MAX_SAFE_INTEGER;

describe('the limits fit each other', () => {
  it('a task with the largest payload and the largest inputs is one assignment', () => {
    const overhead = packedSize(Object.fromEntries([[longName, null]])) - 1;
    const assignment = {
      taskId: longName,
      attempt: LIMITS.attempts,
      token: longest,
      pool: longName,
      workType: longName,
      payload: value(LIMITS.payloadBytes),
      inputs: { [longName]: value(LIMITS.inputBytes - overhead) },
      timeoutMs: LIMITS.durationMs,
      orchestrationId: longName,
      key: longName,
    };
    expect(Object.keys(assignment).sort()).toEqual(Object.keys(AssignmentSchema.shape).sort());
    expect(packedSize(assignment.inputs)).toBe(LIMITS.inputBytes);
    const frame = encode({ assignments: [assignment] });
    expect(decode(ToFrame, frame, COMBINED_BOUNDS).assignments).toEqual([assignment]);
  });

  it('the largest payload is one submit, and the largest result one report', () => {
    const task = { id: longName, payload: value(LIMITS.payloadBytes) };
    decode(SubmitFrame, encode({ tasks: [task] }, LIMITS));
    const result = value(LIMITS.payloadBytes);
    const report = { outcome: 'completed', taskId: longName, token: longest, result, durationMs: 0.1 };
    decode(ReportFrame, encode({ session: longName, reports: [report] }, LIMITS));
  });

  it('an agent can name everything that it may hold', () => {
    const held = new Array(2 * LIMITS.creditPerAgent).fill({ taskId: longName, token: longest });
    decode(HeartbeatFrame, encode({ session: longName, held }, LIMITS));
  });

  it('a full submit of small tasks, with every field but an embedding, is one frame, and so is its reply', () => {
    const id = '01JZZZZZZZZZZZZZZZZZZZZZZZ';
    const task = {
      id,
      workType: 'deploy_service',
      capabilities: ['a'],
      roles: ['b'],
      assignee: 'ann',
      excludeAgents: ['ben'],
      strategy: 'least-loaded',
      priority: 3,
      payload: { n: 1 },
      maxAttempts: 3,
      backoffMs: 1_000,
      timeoutMs: 60_000,
    };
    decode(SubmitFrame, encode({ tasks: new Array(LIMITS.tasksPerFrame).fill(task) }, LIMITS));
    const taken = { id: longName, status: 'completed', duplicate: false };
    decode(SubmitReply, encode({ tasks: new Array(LIMITS.tasksPerFrame).fill(taken) }), COMBINED_BOUNDS);
  });

  it('a full report of small results is one frame', () => {
    const report = {
      outcome: 'completed',
      taskId: '01JZZZZZZZZZZZZZZZZZZZZZZZ',
      token: longest,
      result: { n: 1 },
      durationMs: 0.1,
    };
    decode(ReportFrame, encode({ session: 's', reports: new Array(LIMITS.tasksPerFrame).fill(report) }, LIMITS));
  });

  it('a task that asks for as much as it may is one frame', () => {
    const names = (count: number): string[] => new Array<string>(count).fill(longName);
    const asked = { capabilities: names(LIMITS.labels), roles: names(LIMITS.labels) };
    const task = { id: longName, ...asked, excludeAgents: names(LIMITS.excludedAgents) };
    decode(SubmitFrame, encode({ tasks: [task] }, LIMITS));
  });

  it('a task and an agent with the longest embedding are one frame each, beside the largest payload', () => {
    const embedding = new Array(LIMITS.embedding).fill(0.1);
    const task = { id: longName, payload: value(LIMITS.payloadBytes), embedding };
    decode(SubmitFrame, encode({ tasks: [task] }, LIMITS));
    decode(RegisterFrame, encode({ session: 's', held: [], profile: { pool: 'p', embedding } }, LIMITS));
  });

  it('an error message that is kept fits a string, and every frame a double’s integers', () => {
    expect(LIMITS.errorChars * 4).toBeLessThanOrEqual(LIMITS.stringBytes);
    expect(LIMITS.stringBytes).toBeLessThanOrEqual(LIMITS.payloadBytes);
    expect(LIMITS.frameBytes).toBeLessThan(2 ** 31);
  });

  it('what the coordinator combines has room that no sender of one frame has', () => {
    expect(COMBINED_BOUNDS.depth).toBeGreaterThan(LIMITS.depth);
    expect(COMBINED_BOUNDS.nodes).toBeGreaterThanOrEqual(LIMITS.payloadBytes + LIMITS.inputBytes);
    expect(LIMITS.nodes).toBeLessThan(COMBINED_BOUNDS.nodes);
  });

  it('a name with nothing before it can be a NATS subject', () => {
    // namespace.from.principal.submit.pool is the longest; the server's default limit for a line of control is 4,096 bytes.
    expect(3 * LIMITS.nameChars + '.from..submit.'.length).toBeLessThan(4_096 / 4);
  });
});

describe('a value that is too large has a code that says so', () => {
  it.each<ErrorCode>([
    'FRAME_TOO_LARGE',
    'INPUT_TOO_LARGE',
    'RESULT_TOO_LARGE',
    'POOL_FULL',
    'LABELS_FULL',
    'WORK_TYPES_FULL',
  ])('%s is final', (code) => {
    expect(new RotaError(code, 'No.').retryable).toBe(false);
  });
});
