import type { Logger } from 'pino';
import type { Clock } from '../clock.js';
import type { Availability } from '../protocol/policy.js';
import { CachedSource } from './cache.js';
import { createHttpSource } from './http.js';
import type { AvailabilitySource } from './source.js';
import { createStaticSource } from './static.js';

/** The source that a policy describes. */
export function createAvailability(
  config: Availability,
  clock: Clock,
  log?: Pick<Logger, 'info' | 'warn'>,
): AvailabilitySource {
  if (config.kind === 'static') return createStaticSource(config.available);
  return new CachedSource(
    createHttpSource(config, clock),
    {
      ttlMs: config.ttlMs,
      onStale(err, sinceMs) {
        if (sinceMs === undefined) log?.warn({ err }, 'availability is not known');
        else
          log?.warn({ err, since: new Date(sinceMs).toISOString() }, 'availability is stale: the last answer holds on');
      },
      onFresh: () => log?.info('availability is known again'),
    },
    clock,
  );
}
