import { z } from 'zod';
import { fieldPath } from '../protocol/codec.js';

/** Why an answer is not taken, in words of ours alone. Who asked turns it into an error that names the service. */
export class Refusal extends Error {
  readonly remedy: string;

  constructor(problem: string, remedy: string) {
    super(problem);
    this.remedy = remedy;
  }
}

const ANSWER_BYTES_MAX = 1024 * 1024;

/** What else a service says of its agents is its own business. */
const AnswerSchema = z.object({ agents: z.array(z.object({ id: z.string(), available: z.boolean() })) });

const EXAMPLE = 'Let the service answer {"agents": [{"id": "ann", "available": true}]}.';

/**
 * The ids of those who are available, from the body of a foreign answer: bounded, and never quoted.
 *
 * @throws Refusal; and whatever the connection throws.
 */
export async function readAnswer(body: AsyncIterable<Uint8Array>): Promise<ReadonlySet<string>> {
  const parsed = AnswerSchema.safeParse(parsedJson(await readBytes(body)));
  if (parsed.success) return new Set(parsed.data.agents.filter(({ available }) => available).map(({ id }) => id));
  const [issue] = parsed.error.issues;
  const place = fieldPath(issue?.path ?? []) || 'the whole';
  throw new Refusal(`in its answer ${place} does not fit (${issue?.message})`, EXAMPLE);
}

/** Counts what memory would hold, after decompression, and stops there: a small answer may unpack to a large one. */
async function readBytes(body: AsyncIterable<Uint8Array>): Promise<Uint8Array> {
  const chunks: Uint8Array[] = [];
  let bytes = 0;
  for await (const chunk of body) {
    bytes += chunk.length;
    if (bytes > ANSWER_BYTES_MAX) {
      throw new Refusal(`its answer has more than ${ANSWER_BYTES_MAX} bytes`, 'Let it name fewer agents.');
    }
    chunks.push(chunk);
  }
  return Buffer.concat(chunks, bytes);
}

function parsedJson(bytes: Uint8Array): unknown {
  try {
    return JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes));
  } catch {
    // The parser's own message quotes what it parsed.
    throw new Refusal('its answer is not JSON', EXAMPLE);
  }
}
