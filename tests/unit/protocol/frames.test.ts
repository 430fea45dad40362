import { describe, expect, it } from 'vitest';
import { decode, encode, fieldPath } from '#rota/protocol/codec.js';
import * as frames from '#rota/protocol/frames.js';
import type { Json } from '#rota/protocol/json.js';
import type { FrameCase, Path } from './frame-bounds.js';
import { FRAMES } from './frame-cases.js';
import { expectCode } from './helpers.js';

type JsonObject = { [key: string]: Json };

/** A copy of the frame with one value changed; absent lists and fields on the way are created. */
function withValue(frame: FrameCase['minimal'], path: Path, value: Json): JsonObject {
  const copy = structuredClone(frame) as JsonObject;
  let place: Json = copy;
  path.forEach((key, i) => {
    const container = place as Record<string | number, Json>;
    if (i === path.length - 1) container[key] = value;
    else container[key] ??= typeof path[i + 1] === 'number' ? [] : {};
    place = container[key] as Json;
  });
  return copy;
}

function without(frame: FrameCase['minimal'], path: Path): JsonObject {
  const copy = structuredClone(frame) as JsonObject;
  const parent = path
    .slice(0, -1)
    .reduce<Json>((place, key) => (place as Record<string | number, Json>)[key] as Json, copy);
  delete (parent as JsonObject)[String(path.at(-1))];
  return copy;
}

/** The paths of all objects of a frame, its own first. */
function objects(value: Json, at: Path = []): Path[] {
  if (Array.isArray(value)) return value.flatMap((item, i) => objects(item, [...at, i]));
  if (typeof value !== 'object' || value === null) return [];
  return [at, ...Object.entries(value).flatMap(([key, item]) => objects(item, [...at, key]))];
}

const travel = ({ schema }: FrameCase, frame: object) => decode(schema, encode(frame));

/** The frame is refused, and the message begins with the field's path. */
function expectRefused(frame: FrameCase, changed: JsonObject, field: string) {
  const error = expectCode('INVALID_VALUE', () => travel(frame, changed));
  expect(error.field, error.message).toBe(field);
  expect(error.message.startsWith(`${field}: `), error.message).toBe(true);
}

it('has a case for every frame there is', () => {
  const exported = Object.keys(frames).filter((name) => /(Frame|Reply)$/.test(name));
  const replies = Object.keys(frames.QueryReplies).map((kind) => `QueryReplies.${kind}`);
  const queries = frames.QueryFrame.options.map(({ shape }) => `QueryFrame.${shape.query.value}`);
  const reports = frames.ReportSchema.options.map(({ shape }) => `ReportFrame.${shape.outcome.value}`);
  const operations = frames.RegistryFrame.options.map(({ shape }) => `RegistryFrame.${shape.op.value}`);
  const settlements = frames.SettlementSchema.options.map(({ shape }) => `SettleFrame.${shape.action.value}`);
  const to = Object.keys(frames.ToFrame.shape).filter((key) => key !== 'v');
  for (const name of exported) {
    expect(
      Object.keys(FRAMES).some((key) => key.split('.')[0] === name),
      name,
    ).toBe(true);
  }
  expect(Object.keys(FRAMES)).toEqual(
    expect.arrayContaining([
      ...[...replies, ...queries, ...reports, ...operations, ...settlements],
      ...to.map((key) => `ToFrame.${key}`),
    ]),
  );
});

describe.each(Object.entries(FRAMES))('%s', (_, frame) => {
  it('passes with what is required and nothing else', () => {
    expect(travel(frame, frame.minimal)).toMatchObject(frame.minimal);
  });

  it('is refused with an unknown field, wherever it stands', () => {
    for (const at of objects(frame.minimal)) {
      const path = [...at, 'surprise'];
      expectRefused(frame, withValue(frame.minimal, path, 1), fieldPath(path));
    }
  });

  it('is refused without a field that it requires', () => {
    for (const at of objects(frame.minimal)) {
      const parent = at.reduce<Json>(
        (place, key) => (place as Record<string | number, Json>)[key] as Json,
        frame.minimal as JsonObject,
      );
      for (const key of Object.keys(parent as JsonObject)) {
        const path = [...at, key];
        // A record's entry is not required, and `encode` adds the version.
        if (path.includes('taskIds') || path[0] === 'v' || frame.optional?.includes(key)) continue;
        expectRefused(frame, without(frame.minimal, path), fieldPath(path));
      }
    }
  });

  it.each(frame.bounds.map((bound) => [fieldPath(bound.at), bound] as const))(
    'holds the bounds of %s',
    (field, bound) => {
      for (const value of bound.takes) travel(frame, withValue(frame.minimal, bound.at, value));
      for (const value of bound.refuses) {
        const error = expectCode('INVALID_VALUE', () => travel(frame, withValue(frame.minimal, bound.at, value)));
        expect(error.field, `${JSON.stringify(value)?.slice(0, 80)}: ${error.message}`).toBe(bound.names ?? field);
      }
    },
  );
});

describe('defaults', () => {
  it('of an agent', () => {
    expect(decode(frames.RegisterFrame, encode({ session: 's', held: [], profile: { pool: 'p' } })).profile).toEqual({
      pool: 'p',
      kind: 'bot',
      enabled: true,
      availability: 'heartbeat',
      capabilities: [],
      roles: [],
      specializations: [],
      maxConcurrency: 1,
      prefetch: 0,
    });
  });

  it('of a task', () => {
    expect(decode(frames.SubmitFrame, encode({ tasks: [{ id: 't' }] }))).toEqual({
      v: 1,
      watch: 'end',
      tasks: [
        {
          id: 't',
          workType: 'default',
          capabilities: [],
          roles: [],
          excludeAgents: [],
          priority: 3,
          payload: null,
          maxAttempts: 3,
          backoffMs: 1_000,
        },
      ],
    });
  });

  it('of a result, a cancel and a query', () => {
    const report = { outcome: 'completed', taskId: 't', token: 1, durationMs: 1 };
    expect(decode(frames.ReportFrame, encode({ session: 's', reports: [report] })).reports).toEqual([
      { ...report, result: null },
    ]);
    expect(decode(frames.CancelFrame, encode({}))).toEqual({ v: 1, mode: 'abort', taskIds: [] });
    expect(decode(frames.QueryFrame, encode({ query: 'tasks' }))).toEqual({ v: 1, query: 'tasks', limit: 100 });
    expect(decode(frames.QueryFrame, encode({ query: 'decisions' }))).toEqual({ v: 1, query: 'decisions', limit: 100 });
  });

  it('of a task that its client hands over, and of how that ends', () => {
    const { hops } = decode(frames.AssignFrame, encode({ task: { id: 't' } }));
    expect(hops).toBe(0);
    const settlement = { action: 'complete', taskId: 't', token: 1 };
    expect(decode(frames.SettleFrame, encode({ settlements: [settlement] })).settlements).toEqual([
      { ...settlement, result: null, durationMs: 0 },
    ]);
  });
});
