import { describe, expect, it } from 'vitest';
import { z } from 'zod';
import { AgentProfileSchema } from '#rota/protocol/agent.js';
import { decode, encode, unpack } from '#rota/protocol/codec.js';
import { ERROR_CODES, RotaError, WireErrorSchema } from '#rota/protocol/errors.js';
import * as frames from '#rota/protocol/frames.js';
import { COMBINED_BOUNDS, LIMITS } from '#rota/protocol/limits.js';
import { createSubjects, isInbox, VERBS } from '#rota/protocol/subjects.js';
import { NodeSpecSchema, OrchestrationSpecSchema, TaskEventSchema, TaskSpecSchema } from '#rota/protocol/task.js';
import { ANCHORS, code, EXAMPLES, type Example, FENCES, table } from './docs-page.js';
import { FRAMES } from './frame-cases.js';

const subjects = createSubjects('rota');
const [accepted, completed, failed] = frames.ReportSchema.options;
const [events, task, tasks, agents, orchestration, status] = frames.QueryFrame.options;

/** The schema that each table of fields describes, by its heading. */
const TABLES: Record<string, z.ZodObject> = {
  RegisterFrame: frames.RegisterFrame,
  AgentProfile: AgentProfileSchema,
  Held: frames.RegisterFrame.shape.held.element,
  RegisterReply: frames.RegisterReply,
  HeartbeatFrame: frames.HeartbeatFrame,
  HeartbeatReply: frames.HeartbeatReply,
  ReportFrame: frames.ReportFrame,
  'Report accepted': accepted,
  'Report completed': completed,
  'Report failed': failed,
  ProgressFrame: frames.ProgressFrame,
  Progress: frames.ProgressSchema,
  LeaveFrame: frames.LeaveFrame,
  OkReply: frames.OkReply,
  SubmitFrame: frames.SubmitFrame,
  TaskSpec: TaskSpecSchema,
  SubmitReply: frames.SubmitReply,
  SubmittedTask: frames.SubmitReply.shape.tasks.element,
  OrchestrateFrame: frames.OrchestrateFrame,
  OrchestrationSpec: OrchestrationSpecSchema,
  NodeSpec: NodeSpecSchema,
  OrchestrateReply: frames.OrchestrateReply,
  CancelFrame: frames.CancelFrame,
  CancelReply: frames.CancelReply,
  CancelledTask: frames.CancelReply.shape.tasks.element,
  'Query events': events,
  'Query task': task,
  'Query tasks': tasks,
  'Query agents': agents,
  'Query orchestration': orchestration,
  'Query status': status,
  ToFrame: frames.ToFrame,
  Assignment: frames.AssignmentSchema,
  Ack: frames.AckSchema,
  CancelNotice: frames.CancelNoticeSchema,
  TaskEvent: TaskEventSchema,
  OrchestrationEvent: frames.OrchestrationEventSchema,
  ProgressEvent: frames.ProgressEventSchema,
  'Reply events': frames.QueryReplies.events,
  'Reply task': frames.QueryReplies.task,
  TaskDetail: frames.TaskDetailSchema,
  TaskRow: frames.TaskRowSchema,
  AttemptRow: frames.AttemptRowSchema,
  Refusal: frames.TaskDetailSchema.shape.refusals.element,
  'Reply tasks': frames.QueryReplies.tasks,
  'Reply agents': frames.QueryReplies.agents,
  AgentRow: frames.AgentRowSchema,
  'Reply orchestration': frames.QueryReplies.orchestration,
  OrchestrationRow: frames.OrchestrationRowSchema,
  NodeState: frames.NodeStateSchema,
  'Reply status': frames.QueryReplies.status,
  PoolStatus: frames.PoolStatusSchema,
  ErrorReply: frames.ErrorReply,
  WireError: WireErrorSchema,
};

/** What the page says of a field that is left out. */
function presence(field: z.core.$ZodType): string {
  const absent = z.safeParse(field, undefined);
  if (!absent.success) return 'required';
  return absent.data === undefined ? 'optional' : JSON.stringify(absent.data);
}

/** What the page must say of each field's values: the words of an enum, the largest number or length. */
function bounds(schema: z.ZodObject): Map<string, string[]> {
  const { properties = {} } = z.toJSONSchema(schema, { io: 'input', unrepresentable: 'any' });
  return new Map(
    Object.entries(properties).map(([field, rule]) => {
      if (typeof rule === 'boolean') return [field, []];
      const numbers = [rule.maximum, rule.maxItems, rule.maxLength];
      const words = [...(rule.enum ?? []), rule.const, ...numbers.filter((most) => most !== Number.MAX_SAFE_INTEGER)];
      return [field, words.filter((word) => word !== undefined).map(String)];
    }),
  );
}

/** Where the words of an enum stand elsewhere on the page. */
const ELSEWHERE = /as in (\[?TaskSpec)|a task's status|only tasks with this status|one of the codes below/;

describe('examples', () => {
  it('are all read by this test', () => {
    expect(EXAMPLES.length).toBeGreaterThan(25);
    expect(FENCES).toEqual({ json: EXAMPLES.length, hex: EXAMPLES.length });
  });

  it('show every frame that agents send and get', () => {
    const shown = new Set(EXAMPLES.map(({ frame }) => frame.split('.')[0]));
    for (const name of Object.keys(FRAMES)) expect(shown, name).toContain(name.split('.')[0]);
  });

  it.each(EXAMPLES.map((example) => [example.frame, example.subject, example] as const))(
    '%s on %s',
    (_, __, example) => {
      const value: unknown = JSON.parse(example.json);
      expect(Buffer.from(encode(value as object)).toString('hex')).toBe(Buffer.from(example.bytes).toString('hex'));
      expect(unpack(example.bytes)).toEqual(value);
      expect(decode(schemaOf(example), example.bytes, COMBINED_BOUNDS)).toMatchObject(value as object);
      expectSubject(example);
    },
  );
});

function schemaOf({ frame }: Example): z.ZodType {
  const [name = '', kind] = frame.split('.');
  const found = Object.entries(FRAMES).find(
    ([key]) => key === frame || (kind === undefined && key.split('.')[0] === name),
  );
  if (found === undefined) throw new Error(`The page shows ${frame}, which is no frame.`);
  return found[1].schema;
}

/** The subject suits the frame: requests by their verb, replies to an inbox. */
function expectSubject({ frame, subject }: Example) {
  if (frame === 'ToFrame') return expect(subject).toMatch(/^rota\.to\.[\w-]+$/);
  if (/Repl(y|ies)/.test(frame)) return expect(isInbox(subject)).toBe(true);
  return expect(subjects.parse(subject)?.verb).toBe(frame.replace('Frame', '').toLowerCase());
}

describe('tables', () => {
  it.each(Object.entries(TABLES))('%s lists the fields of the schema, with their defaults', (heading, schema) => {
    const listed = table(heading).map(([field, , needed]) => [code(field), code(needed)]);
    const defined = Object.entries(schema.shape).map(([field, type]) => [field, presence(type)]);
    expect(listed).toEqual(defined);
  });

  it.each(Object.entries(TABLES))('%s names the words and upper bounds of each field', (heading, schema) => {
    const required = bounds(schema);
    for (const [field, , , meaning = ''] of table(heading)) {
      if (ELSEWHERE.test(meaning)) continue;
      for (const word of required.get(code(field)) ?? []) expect(meaning, `${heading} ${field}`).toContain(word);
    }
  });

  it('list every limit', () => {
    expect(table('Limits').map(([limit, value]) => [code(limit), Number(value)])).toEqual(Object.entries(LIMITS));
  });

  it('list every subject', () => {
    const verbs = table('Subjects').map(([subject]) => /^<ns>\.from\.<\w+>\.(\w+)/.exec(code(subject))?.[1]);
    expect(verbs.filter((verb) => verb !== undefined)).toEqual([...VERBS]);
    expect(table('Subjects').map(([subject]) => code(subject))).toContain('<ns>.to.<principal>');
  });

  it('list every error code with what to do', () => {
    const rules = ERROR_CODES.map((name) => {
      const error = new RotaError(name, '');
      return [name, error.retryable ? 'yes' : 'no', error.message.trim().replaceAll('`', '')];
    });
    expect(table('Codes').map((row) => row.map(code))).toEqual(rules);
  });
});

it('has a heading for each of its links', () => {
  for (const anchor of ANCHORS.links) expect(ANCHORS.headings).toContain(anchor);
});
