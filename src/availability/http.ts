import type { Clock } from '../clock.js';
import { RotaError } from '../protocol/errors.js';
import { Refusal, readAnswer } from './answer.js';
import { type AvailabilitySource, sourceClosed } from './source.js';

/**
 * Asks a service over HTTP, once for each call. The service is foreign: its answer is bounded in time, bytes and
 * redirects, no host but the one that the policy names is asked, and no word of an answer reaches an error, which
 * may be logged.
 */
export interface HttpSourceOptions {
  readonly url: string;
  /** For the whole of it: connecting, redirects and the body. */
  readonly timeoutMs: number;
}

const REDIRECTS_MAX = 3;
const REDIRECTS: readonly number[] = [301, 302, 303, 307, 308];

export function createHttpSource(options: HttpSourceOptions, clock: Pick<Clock, 'after'>): AvailabilitySource {
  const { timeoutMs } = options;
  const url = new URL(options.url);
  const asking = new Set<AbortController>();
  let isClosed = false;
  return {
    async available() {
      if (isClosed) throw sourceClosed();
      const request = new AbortController();
      asking.add(request);
      const cancelTimeout = clock.after(timeoutMs, () => request.abort(timeout(url, timeoutMs)));
      try {
        const { body } = await get(url, request.signal);
        return await readAnswer(body ?? noBody());
      } catch (thrown) {
        throw sourceError(url, thrown);
      } finally {
        cancelTimeout();
        asking.delete(request);
        // An answer that was refused before its end would keep its connection.
        request.abort();
      }
    },
    close() {
      isClosed = true;
      for (const request of asking) request.abort(sourceClosed());
    },
  };
}

async function get(url: URL, signal: AbortSignal): Promise<Response> {
  let address = url;
  for (let redirects = 0; redirects <= REDIRECTS_MAX; redirects++) {
    const response = await fetch(address, { headers: { accept: 'application/json' }, redirect: 'manual', signal });
    if (response.status === 200) return response;
    if (!REDIRECTS.includes(response.status)) {
      throw new Refusal(`it answered with status ${response.status}`, 'Check the address and the service.');
    }
    address = redirectTarget(response, address);
    await response.body?.cancel();
  }
  throw new Refusal(`it redirects more than ${REDIRECTS_MAX} times`, 'Put the address that answers into the policy.');
}

function redirectTarget(response: Response, from: URL): URL {
  const location = response.headers.get('location');
  if (location === null || !URL.canParse(location, from.href)) {
    throw new Refusal('it redirects without saying where to', 'Correct the service.');
  }
  const target = new URL(location, from);
  if (target.origin === from.origin) return target;
  throw new Refusal(
    'it redirects to another host, port or scheme, which is not followed',
    'Put the address that answers into the policy.',
  );
}

async function* noBody(): AsyncGenerator<Uint8Array> {}

function timeout(url: URL, timeoutMs: number): RotaError {
  return new RotaError('TIMEOUT', `${sourceText(url)} did not answer within ${timeoutMs} ms.`, {
    remedy: 'See why the service is slow, or raise timeoutMs.',
  });
}

function sourceError(url: URL, thrown: unknown): RotaError {
  if (thrown instanceof RotaError) return thrown;
  if (thrown instanceof Refusal) {
    return new RotaError('UNAVAILABLE', `${sourceText(url)}: ${thrown.message}.`, { remedy: thrown.remedy });
  }
  // Without the cause: that of a broken answer holds the answer.
  return new RotaError('UNAVAILABLE', `${sourceText(url)} can't be reached${codeText(thrown)}.`, {
    remedy: 'Check the address, and that the service runs.',
  });
}

/** Without the query, which may hold a key. */
function sourceText({ origin, pathname }: URL): string {
  return `The availability source ${origin}${pathname}`;
}

/** `fetch failed` has its reason, such as ECONNREFUSED, in its cause. */
function codeText(thrown: unknown): string {
  const cause = thrown instanceof Error ? thrown.cause : undefined;
  const code = cause instanceof Error && 'code' in cause ? cause.code : undefined;
  return typeof code === 'string' ? ` (${code})` : '';
}
