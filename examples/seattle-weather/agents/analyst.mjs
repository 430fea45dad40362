// One agent, two kinds of work.
import { aggregate } from './aggregate.mjs';
import { report } from './report.mjs';
import { runTask } from './task.mjs';

const works = { aggregate, report };

await runTask((task) => {
  const work = works[task.workType];
  if (work === undefined) throw new Error(`this agent knows ${Object.keys(works).join(' and ')}, not this work`);
  return work(task);
});
