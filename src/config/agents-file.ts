import { dirname, resolve } from 'node:path';
import { z } from 'zod';
import { AgentProfileSchema } from '../protocol/agent.js';
import { LIMITS } from '../protocol/limits.js';
import { Name } from '../protocol/names.js';
import { readDocument } from './document.js';
import type { Problem } from './problem.js';

/** What an operating system takes as an argument or as an environment value. */
const systemText = z.string().refine((text) => !text.includes('\0'), 'expected text without NUL characters');

const LaunchSchema = z.strictObject({
  /** A program that PATH has, or a path relative to `cwd`; with `shell`, a line for `/bin/sh`. */
  command: systemText.min(1),
  args: z.array(systemText).optional(),
  /** Relative to the agents file; without it, the agents file's own folder. */
  cwd: systemText.min(1).default('.'),
  /** Added to the environment as they stand: nothing in them is expanded. */
  env: z.record(z.string().regex(/^[A-Za-z_][A-Za-z0-9_]*$/, 'must be a variable name'), systemText).optional(),
  /** An attempt that runs longer is stopped, milliseconds. */
  timeoutMs: z.number().int().min(1).max(LIMITS.durationMs).optional(),
  shell: z.boolean().optional(),
});

/** Agents that are commands speak for themselves: no source says whether they are there. */
const { availability: _, ...profile } = AgentProfileSchema.shape;

const AgentsFileSchema = z.strictObject({
  agents: z.array(z.strictObject({ id: Name, ...profile, launch: LaunchSchema })).min(1),
});

/** Agents that are commands: how each registers, and how it is launched. */
export type AgentsFile = z.infer<typeof AgentsFileSchema>;
export type AgentEntry = AgentsFile['agents'][number];

/**
 * Reads an agents file. `launch.cwd` of what it returns is absolute.
 *
 * @throws RotaError INVALID_VALUE, with file, line and column of each problem.
 */
export function readAgentsFile(path: string): AgentsFile {
  const document = readDocument(path, AgentsFileSchema);
  document.refuse(repeatedIds(document.value.agents));
  const folder = dirname(resolve(path));
  return {
    agents: document.value.agents.map((agent) => ({
      ...agent,
      launch: { ...agent.launch, cwd: resolve(folder, agent.launch.cwd) },
    })),
  };
}

function repeatedIds(agents: readonly { id: string }[]): Problem[] {
  const first = new Map<string, number>();
  return agents.flatMap(({ id }, index) => {
    const before = first.get(id);
    if (before === undefined) first.set(id, index);
    return before === undefined
      ? []
      : [
          {
            path: ['agents', index, 'id'],
            problem: `agents[${before}] has this id already`,
            remedy: 'Give each its own id.',
          },
        ];
  });
}
