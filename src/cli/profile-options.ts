import { type Command, Option } from 'commander';
import { AGENT_KINDS, type AgentProfileInput, type WorkingHours } from '../protocol/agent.js';
import { LIMITS } from '../protocol/limits.js';
import { commaList, wholeNumber } from './options.js';
import { workingHours } from './working-hours.js';

/** What a command line says of an agent, beside its pool. */
export interface ProfileOptions {
  readonly kind?: (typeof AGENT_KINDS)[number];
  readonly capabilities?: string[];
  readonly roles?: string[];
  readonly specializations?: string[];
  readonly concurrency?: number;
  readonly prefetch?: number;
  readonly workingHours?: WorkingHours;
}

export function withProfileOptions(command: Command): Command {
  return command
    .addOption(new Option('--kind <kind>', 'who does the work (default: bot)').choices(AGENT_KINDS))
    .option('--capabilities <a,b>', 'what it is capable of', commaList)
    .option('--roles <a,b>', 'roles that it has', commaList)
    .option('--specializations <a,b>', 'work types that it is best at', commaList)
    .option('--concurrency <n>', 'tasks at a time (default: 1)', wholeNumber(1, LIMITS.creditPerAgent))
    .option('--prefetch <n>', 'tasks it holds ready beyond those (default: 0)', wholeNumber(0, LIMITS.creditPerAgent))
    .option('--working-hours <hours>', 'when it works: "Europe/Berlin mon-fri 09:00-17:00"', workingHours);
}

export function profileOf(pool: string, options: ProfileOptions): AgentProfileInput {
  const { kind, capabilities, roles, specializations, concurrency, prefetch, workingHours } = options;
  return {
    pool,
    ...(kind === undefined ? {} : { kind }),
    ...(capabilities === undefined ? {} : { capabilities }),
    ...(roles === undefined ? {} : { roles }),
    ...(specializations === undefined ? {} : { specializations }),
    ...(concurrency === undefined ? {} : { maxConcurrency: concurrency }),
    ...(prefetch === undefined ? {} : { prefetch }),
    ...(workingHours === undefined ? {} : { workingHours }),
  };
}
