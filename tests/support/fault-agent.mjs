// An agent as a process of its own, which says on stdout all that it is told and does. Its one argument is JSON:
// { servers, namespace, id, pool, maxConcurrency }. What it does with a task, the payload says: { do, ms }.
import { systemClock } from '#rota/clock.js';
import { unpack } from '#rota/protocol/codec.js';
import { createAgent, PermanentError } from '#rota/sdk/index.js';
import { connectNats } from '#rota/transport/nats.js';

const { servers, namespace, id, pool, maxConcurrency } = JSON.parse(process.argv[2]);

function say(word) {
  process.stdout.write(`${JSON.stringify(word)}\n`);
}

/** The same connection, and what arrives for this agent is said before the agent hears of it. */
function overheard(transport) {
  const subscribe = (subject, handler, options) =>
    transport.subscribe(subject, subject === `${namespace}.to.${id}` ? heard(handler) : handler, options);
  return new Proxy(transport, {
    get(target, name) {
      if (name === 'subscribe') return subscribe;
      const value = target[name];
      return typeof value === 'function' ? value.bind(target) : value;
    },
  });
}

function heard(handler) {
  return (message) => {
    const { assignments = [], acks = [] } = unpack(message.data);
    for (const { taskId, token } of assignments) say({ heard: 'assignment', agentId: id, taskId, token });
    for (const { taskId, token, outcome, accepted, code } of acks) {
      // Meant for the process of this name that came before.
      if (code === 'SESSION_REPLACED') continue;
      say({ heard: 'ack', agentId: id, taskId, token, outcome, accepted });
    }
    return handler(message);
  };
}

function rest(ms, signal) {
  return new Promise((resolve) => {
    const cancel = systemClock.after(ms, resolve);
    signal.addEventListener('abort', () => {
      cancel();
      resolve();
    });
  });
}

async function handler({ taskId, token, attempt, payload }, { signal }) {
  say({ heard: 'begun', agentId: id, taskId, token });
  if (payload.ms > 0) await rest(payload.ms, signal);
  if (payload.do === 'fail') throw new PermanentError('It can never be done.');
  if (payload.do === 'stumble' && attempt === 1) throw new Error('It could not be done this time.');
  return { taskId, token, agentId: id };
}

const transport = await connectNats({ servers, name: id });
transport.onStatus((status) => process.stderr.write(`connection: ${status}\n`));
const agent = createAgent({ transport: overheard(transport), id, namespace, pool, maxConcurrency, handler });
process.once('SIGTERM', () => void agent.drain());
await agent.ready.then(() => say({ heard: 'ready', agentId: id }));
const error = await agent.stopped;
await transport.close();
if (error !== undefined) {
  process.stderr.write(`${error.message}\n`);
  process.exitCode = 1;
}
