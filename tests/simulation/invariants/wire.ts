import { unpack } from '#rota/protocol/codec.js';
import { hasEnded, isHeld, Model } from '../model.js';

/** What must hold of what the coordinator tells others, at the moment in which it leaves. */
export interface WireContext {
  readonly model: Model;
  /** Filled with what is acknowledged here. */
  readonly acknowledged: Set<string>;
  readonly cancelled: Set<string>;
  fail(invariant: string, problem: string): void;
}

/** Verbs whose replies are looked at. */
export const ANSWERED = ['submit', 'orchestrate', 'cancel', 'assign', 'settle'] as const;
export type Answered = (typeof ANSWERED)[number];

export function isAnswered(verb: string): verb is Answered {
  return (ANSWERED as readonly string[]).includes(verb);
}

interface ReplyFrame {
  readonly error?: unknown;
  readonly id?: string;
  readonly taskId?: string;
  readonly token?: number;
  readonly agentId?: string;
  readonly tasks?: readonly { readonly id: string; readonly status?: string }[];
  readonly settled?: readonly { readonly taskId: string; readonly token: number; readonly accepted: boolean }[];
}

/** A reply leaves behind the commit of what it says. */
export function checkReply(verb: Answered, data: Uint8Array, context: WireContext): void {
  const reply = unpack(data) as ReplyFrame;
  if (reply.error !== undefined) return;
  switch (verb) {
    case 'submit':
      return i1Submits(reply, context);
    case 'orchestrate':
      return i1Orchestration(reply, context);
    case 'cancel':
      return i15Cancels(reply, context);
    case 'assign':
      return i11Offer(reply, context);
    case 'settle':
      return i2Settlements(reply, context);
  }
}

function i1Submits({ tasks = [] }: ReplyFrame, { model, acknowledged, fail }: WireContext): void {
  for (const { id } of tasks) {
    acknowledged.add(id);
    if (!model.tasks.has(id)) fail('I1', `the submit of ${id} is acknowledged and not committed`);
  }
}

function i1Orchestration({ id = '' }: ReplyFrame, { model, fail }: WireContext): void {
  if (!model.orchestrations.has(id)) fail('I1', `orchestration ${id} is acknowledged and not committed`);
}

function i15Cancels({ tasks = [] }: ReplyFrame, { model, cancelled, fail }: WireContext): void {
  for (const { id, status } of tasks) {
    if (status === undefined || !hasEnded(status)) continue;
    if (status === 'cancelled') cancelled.add(id);
    const committed = model.tasks.get(id)?.status;
    if (committed !== status) fail('I15', `the cancel of ${id} is answered with ${status}, and it is ${committed}`);
  }
}

function i11Offer({ taskId = '', token, agentId }: ReplyFrame, { model, fail }: WireContext): void {
  const grants = model.tasks.get(taskId)?.grants ?? [];
  if (grants.some((grant) => grant.token === token && grant.agentId === agentId)) return;
  fail('I11', `the offer of ${taskId} to ${agentId} is told before it is recorded`);
}

function i2Settlements({ settled = [] }: ReplyFrame, { model, fail }: WireContext): void {
  for (const { taskId, token, accepted } of settled) {
    const grants = model.tasks.get(taskId)?.grants ?? [];
    if (!accepted || grants.some((grant) => grant.token === token)) continue;
    fail('I2', `the settlement of ${taskId} with token ${token} is taken, which nobody was granted`);
  }
}

interface Parcels {
  readonly assignments?: readonly { readonly taskId: string; readonly token: number; readonly attempt: number }[];
  readonly acks?: readonly Ack[];
  readonly events?: readonly { readonly taskId: string; readonly status: string }[];
}

interface Ack {
  readonly taskId: string;
  readonly token: number;
  readonly outcome: string;
  readonly accepted: boolean;
  readonly code?: string;
}

/** A frame to an agent or a client leaves behind the commit of all that it holds. */
export function checkParcels(principal: string, data: Uint8Array, context: WireContext): void {
  const { assignments = [], acks = [], events = [] } = unpack(data) as Parcels;
  for (const one of assignments) i11Assignment(principal, one, context);
  for (const one of acks) i2Ack(principal, one, context);
  for (const { taskId, status } of events) {
    const committed = context.model.tasks.get(taskId)?.status;
    if (hasEnded(status) && committed !== status) {
      context.fail('I2', `${principal} is told that ${taskId} is ${status}, and it is ${committed}`);
    }
  }
}

function i11Assignment(
  principal: string,
  { taskId, token, attempt }: { taskId: string; token: number; attempt: number },
  { model, fail }: WireContext,
): void {
  const grants = model.tasks.get(taskId)?.grants ?? [];
  const grant = grants.find((one) => one.token === token);
  if (grant?.agentId === principal && grant.attempt === attempt) return;
  fail('I11', `${taskId} with token ${token} is sent to ${principal} before that is recorded`);
}

function i2Ack(principal: string, ack: Ack, { model, fail }: WireContext): void {
  const { taskId, token, outcome, accepted, code = '' } = ack;
  const task = model.tasks.get(taskId);
  const what = `the report ${outcome} of ${taskId} by ${principal}, token ${token},`;
  if (!accepted) {
    const isRecorded = model.refused.has(Model.refusal({ taskId, agentId: principal, token, code }));
    if (!isRecorded) fail('I2', `${what} is refused as ${code}, and that is not recorded`);
    return;
  }
  const isTheirs = task?.grants.some((grant) => grant.token === token && grant.agentId === principal) ?? false;
  const isCurrent = task !== undefined && isHeld(task) && task.token === token;
  const isTrue =
    outcome === 'completed'
      ? task?.status === 'completed' && task.token === token
      : outcome === 'accepted' || !isCurrent;
  if (!isTheirs || !isTrue) fail('I2', `${what} is acknowledged, and it is ${task?.status} with token ${task?.token}`);
}
