import type { z } from 'zod';
import type { RoutingDecision } from '../protocol/decision.js';
import {
  type AgentRow,
  type Explanation,
  type MetricsReport,
  type NodeState,
  type OrchestrationRow,
  type PerformanceRow,
  type Query,
  QueryReplies,
  type Replay,
  type TaskDetail,
  type TaskRow,
} from '../protocol/frames.js';
import type { Client, CoordinatorStatus, DecisionQuery, PerformanceQuery, TaskQuery } from './client-api.js';
import type { Line } from './line.js';

/** What a client may ask: nothing here changes anything. */
export type Questions = Pick<
  Client,
  | 'task'
  | 'tasks'
  | 'agents'
  | 'orchestration'
  | 'status'
  | 'decisions'
  | 'performance'
  | 'explain'
  | 'replay'
  | 'metrics'
>;

type Answers = { readonly [Q in keyof typeof QueryReplies]: z.infer<(typeof QueryReplies)[Q]> };
const REPLIES: { readonly [Q in keyof Answers]: z.ZodType<Answers[Q]> } = QueryReplies;

export function createQuestions(line: Line): Questions {
  const ask = <Q extends Query['query']>(query: Q, frame: object = {}): Promise<Answers[Q]> =>
    line.ask('query', { query, ...frame }, REPLIES[query]);
  return {
    async task(taskId: string): Promise<TaskDetail> {
      return (await ask('task', { taskId })).task;
    },
    async tasks(query: TaskQuery = {}): Promise<TaskRow[]> {
      return (await ask('tasks', query)).tasks;
    },
    async agents(pool?: string): Promise<AgentRow[]> {
      return (await ask('agents', pool === undefined ? {} : { pool })).agents;
    },
    async orchestration(orchestrationId: string): Promise<{ orchestration: OrchestrationRow; nodes: NodeState[] }> {
      const { orchestration, nodes } = await ask('orchestration', { orchestrationId });
      return { orchestration, nodes };
    },
    async status(): Promise<CoordinatorStatus> {
      const { v: _, ...status } = await ask('status');
      return status;
    },
    async decisions(query: DecisionQuery = {}): Promise<RoutingDecision[]> {
      return (await ask('decisions', query)).decisions;
    },
    async performance(query: PerformanceQuery = {}): Promise<PerformanceRow[]> {
      return (await ask('performance', query)).performance;
    },
    async explain(taskId: string): Promise<Explanation> {
      return (await ask('explain', { taskId })).explanation;
    },
    async replay(taskId: string, token?: number): Promise<Replay> {
      return (await ask('replay', { taskId, ...(token === undefined ? {} : { token }) })).replay;
    },
    async metrics(): Promise<MetricsReport> {
      return (await ask('metrics')).metrics;
    },
  };
}
