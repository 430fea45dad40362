import { connect } from '@nats-io/transport-node';
import { encode, unpack } from '../dist/protocol/codec.js';
import { LIMITS } from '../dist/protocol/limits.js';
import { createSubjects } from '../dist/protocol/subjects.js';
import { serve } from './child.mjs';
import { nowMs } from './clock.mjs';

const SUBJECTS = createSubjects('rota');
const PREFIX = SUBJECTS.to('agent-');
const REGISTERING = 256;
const BEAT_EVERY_MS = 20;
const TIMEOUT_MS = 60_000;

/**
 * One process that plays all agents of a pool, on one connection with one subscription: a hundred thousand
 * processes do not fit one machine. The result of a task is the instant at which its assignment came.
 * Reports are sent once: over the loopback interface none is lost.
 */
class Fleet {
  #nats;
  #ids;
  #session = 'fleet';
  /** What each agent holds, as heartbeats tell it: the token by task. */
  #held = new Map();
  #nextBeat = 0;
  #beating;

  constructor(nats, agents) {
    this.#nats = nats;
    this.#ids = Array.from({ length: agents }, (_, i) => `agent-${i + 1}`);
  }

  async join(profile) {
    this.#nats.subscribe('rota.to.*', { callback: (error, message) => this.#receive(error, message) });
    await this.#nats.flush();
    const left = [...this.#ids];
    let reply;
    const lane = async () => {
      for (let id = left.pop(); id !== undefined; id = left.pop()) {
        reply = await this.#ask(id, 'register', { profile, held: [] });
      }
    };
    await Promise.all(Array.from({ length: REGISTERING }, lane));
    const beatsPerMs = this.#ids.length / reply.heartbeatMs;
    const startMs = nowMs();
    let sent = 0;
    this.#beating = setInterval(() => {
      for (const due = (nowMs() - startMs) * beatsPerMs; sent < due; sent++) this.#beat();
    }, BEAT_EVERY_MS);
  }

  leave() {
    clearInterval(this.#beating);
    return this.#nats.close();
  }

  #beat() {
    const id = this.#ids[this.#nextBeat++ % this.#ids.length];
    const held = [...(this.#held.get(id) ?? [])].map(([taskId, token]) => ({ taskId, token }));
    void this.#ask(id, 'heartbeat', { held });
  }

  async #ask(id, verb, frame) {
    const bytes = encode({ session: this.#session, ...frame }, LIMITS);
    const reply = unpack((await this.#nats.request(SUBJECTS.from(id, verb), bytes, { timeout: TIMEOUT_MS })).data);
    const { error } = reply;
    // A coordinator whose machine stood still for long refuses for a moment: the next heartbeat asks again.
    if (error !== undefined && !(verb === 'heartbeat' && error.retryable)) {
      throw new Error(`${id}, ${verb}: ${error.message}`);
    }
    return reply;
  }

  #receive(error, { subject, data }) {
    const receivedMs = nowMs();
    if (error) throw error;
    if (!subject.startsWith(PREFIX)) return; // The client's own events.
    const id = subject.slice(PREFIX.length - 'agent-'.length);
    const { assignments = [], acks = [] } = unpack(data);
    for (const { taskId, accepted, code } of acks) {
      if (!accepted) throw new Error(`${id}: the report of ${taskId} is refused, ${code}.`);
      this.#held.get(id)?.delete(taskId);
    }
    if (assignments.length === 0) return;
    const held = this.#held.get(id) ?? new Map();
    this.#held.set(id, held);
    for (const { taskId, token } of assignments) held.set(taskId, token);
    const reports = assignments.map(({ taskId, token }) => ({
      ...{ outcome: 'completed', taskId, token, durationMs: 0 },
      result: receivedMs,
    }));
    this.#nats.publish(SUBJECTS.from(id, 'report'), encode({ session: this.#session, reports }, LIMITS));
  }
}

await serve(async ({ url, agents, ...profile }) => {
  const fleet = new Fleet(await connect({ servers: url, noAsyncTraces: true }), agents);
  await fleet.join(profile);
  return () => fleet.leave();
});
