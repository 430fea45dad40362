// A help desk that brings conversations to its people by itself, and asks rota who should get each.
// Ann and ben work at the desk in Berlin, eva in New York; an availability source says who is signed in.
import { createClient, createCoordinator, createMemoryBroker, RotaError, systemClock } from 'rota';

// Tuesday, 14:00 in Berlin and 08:00 in New York: an example must not depend on when it is run.
const clock = { ...systemClock, wallMs: () => Date.parse('2026-03-03T13:00:00Z') };

const transport = createMemoryBroker({ clock }).connect();
const coordinator = await createCoordinator({
  transport,
  store: 'none',
  clock,
  policies: {
    pools: {
      support: {
        availability: { kind: 'static', available: ['ann', 'ben', 'eva', 'joe'] },
        rotationWindowMinutes: 10,
        maxHops: 2,
      },
    },
  },
});
const desk = createClient({ transport, id: 'desk' });

const weekdays = (timeZone) => ({
  timeZone,
  spans: [{ days: ['mon', 'tue', 'wed', 'thu', 'fri'], from: '09:00', to: '17:30' }],
});
const people = [
  { id: 'ann', roles: ['first-line'], workingHours: weekdays('Europe/Berlin') },
  { id: 'ben', roles: ['first-line'], workingHours: weekdays('Europe/Berlin') },
  { id: 'eva', roles: ['first-line', 'billing'], workingHours: weekdays('America/New_York') },
  { id: 'joe', roles: ['billing'] },
];
for (const person of people) {
  await desk.registerAgent({ ...person, pool: 'support', kind: 'human', availability: 'source', maxConcurrency: 3 });
}

const conversation = { pool: 'support', workType: 'question', roles: ['first-line'], payload: { conversation: 41 } };

// Who is in turn. Eva's day begins in an hour.
const first = await desk.assign(conversation);
console.log(`1. ${first.agentId} is asked: ${first.reason}`);

// Ann is on the phone: the next one gets it.
const offered = new Promise((resolve) => {
  first.onChange((_event, offer) => offer && offer.agentId !== first.agentId && resolve(offer));
});
await first.release('on the phone');
const second = await offered;
console.log(`2. ${second.agentId} is asked: ${second.reason}`);
await second.confirm();

// It is about money: ben hands it on, and it never comes back to him.
await second.complete({ answered: false });
const third = await desk.assign({ ...conversation, roles: ['billing'] }, second.next());
console.log(`3. ${third.agentId} is asked: ${third.reason}`);
await third.confirm();
await third.complete({ refunded: 20 });

// The customer asks for eva, whose day has not begun.
try {
  await desk.assign({ ...conversation, id: 'conversation-42', assignee: 'eva' });
} catch (error) {
  if (!(error instanceof RotaError)) throw error;
  console.log(`4. ${error.code}: ${error.message}`);
}

for (const { agentId, workType, successCount } of await desk.performance()) {
  console.log(`${agentId} closed ${successCount} of ${workType}`);
}

desk.close();
await coordinator.stop();
