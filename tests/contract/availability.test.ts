import { createAvailability } from '#rota/availability/create.js';
import { createHttpSource } from '#rota/availability/http.js';
import type { AvailabilitySource } from '#rota/availability/source.js';
import { systemClock } from '#rota/clock.js';
import { AvailabilitySchema } from '#rota/protocol/policy.js';
import { startServer } from '../support/http-server.js';
import { availabilityContract } from './availability.contract.js';

/** A source that asks a server which knows these ids, and an agent who is away. */
async function overHttp(ids: readonly string[], open: (url: string) => AvailabilitySource) {
  const agents = [...ids.map((id) => ({ id, available: true })), { id: 'away', available: false, name: 'Al' }];
  const server = await startServer((_request, response) => response.end(JSON.stringify({ agents, at: 'noon' })));
  return { source: open(server.origin), [Symbol.asyncDispose]: () => server[Symbol.asyncDispose]() };
}

availabilityContract('static', async (available) => ({
  source: createAvailability({ kind: 'static', available: [...available] }, systemClock),
  async [Symbol.asyncDispose]() {},
}));

availabilityContract('http', (ids) =>
  overHttp(ids, (url) => createHttpSource({ url, timeoutMs: 30_000 }, systemClock)),
);

availabilityContract('http behind a cache', (ids) =>
  overHttp(ids, (url) => createAvailability(AvailabilitySchema.parse({ kind: 'http', url }), systemClock)),
);
