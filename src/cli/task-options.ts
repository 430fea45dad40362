import { type Command, Option } from 'commander';
import { LIMITS } from '../protocol/limits.js';
import { assertName } from '../protocol/names.js';
import { STRATEGIES, type StrategyName } from '../protocol/policy.js';
import type { SubmitTask } from '../sdk/index.js';
import { commaList, wholeNumber } from './options.js';
import { type PayloadOptions, payloadOf } from './payload.js';

/** What a command line says of one task, whether it is dispatched or handed over. */
export interface TaskOptions extends PayloadOptions {
  readonly pool: string;
  readonly id?: string;
  readonly workType?: string;
  readonly capabilities?: string[];
  readonly roles?: string[];
  readonly assignee?: string;
  readonly exclude?: string[];
  readonly strategy?: StrategyName;
  readonly priority?: number;
  readonly maxAttempts?: number;
}

export function withTaskOptions(command: Command): Command {
  return command
    .requiredOption('--pool <name>', 'the agents that may take it')
    .option('--payload <json>', 'what the agent gets; - reads standard input')
    .addOption(new Option('--payload-file <file>', 'the same from a file; - reads standard input').conflicts('payload'))
    .option('--id <id>', 'its id; the same id again makes no second task (default: a new one)')
    .option('--work-type <type>', 'the kind of work (default: "default")')
    .option('--capabilities <a,b>', 'what its agent must be capable of, all of them', commaList)
    .option('--roles <a,b>', 'roles of which its agent must have one', commaList)
    .option('--assignee <agent>', 'the one agent that may take it')
    .option('--exclude <a,b>', 'agents that must not get it', commaList)
    .addOption(new Option('--strategy <name>', "how the agent is picked (default: the pool's)").choices(STRATEGIES))
    .option('--priority <n>', '1 goes first, 5 last (default: 3)', wholeNumber(1, 5))
    .option('--max-attempts <n>', 'attempts before it has failed (default: 3)', wholeNumber(1, LIMITS.attempts));
}

/** @throws UsageError for a payload, RotaError INVALID_NAME for a name */
export async function taskOf(options: TaskOptions): Promise<SubmitTask> {
  const { id, workType, capabilities, roles, assignee, exclude, strategy, priority, maxAttempts } = options;
  const payload = await payloadOf(options);
  return {
    pool: assertName('--pool', options.pool),
    ...(id === undefined ? {} : { id: assertName('--id', id) }),
    ...(payload === undefined ? {} : { payload }),
    ...(workType === undefined ? {} : { workType }),
    ...(capabilities === undefined ? {} : { capabilities }),
    ...(roles === undefined ? {} : { roles }),
    ...(assignee === undefined ? {} : { assignee: assertName('--assignee', assignee) }),
    ...(exclude === undefined ? {} : { excludeAgents: exclude.map((agent) => assertName('--exclude', agent)) }),
    ...(strategy === undefined ? {} : { strategy }),
    ...(priority === undefined ? {} : { priority }),
    ...(maxAttempts === undefined ? {} : { maxAttempts }),
  };
}
