import { createHash } from 'node:crypto';
import type { Policy } from '../protocol/policy.js';

const VERSION_CHARS = 12;

/** Names a rule set by its content: the same rules have the same version, whoever wrote them and in whatever order. */
export function policyVersion(policy: Policy): string {
  return createHash('sha256').update(canonicalJson(policy)).digest('hex').slice(0, VERSION_CHARS);
}

/** JSON with the keys of each map in order. */
function canonicalJson(value: unknown): string {
  return JSON.stringify(value, (_key, part: unknown) =>
    typeof part === 'object' && part !== null && !Array.isArray(part)
      ? Object.fromEntries(Object.entries(part).sort(([a], [b]) => (a < b ? -1 : 1)))
      : part,
  );
}
