/** Runs what it is given one after the other, in the order in which it came, whatever became of those before. */
export function createOneByOne(): <T>(work: () => Promise<T>) => Promise<T> {
  let last: Promise<unknown> = Promise.resolve();
  return (work) => {
    const job = last.then(work, work);
    last = job.catch(() => {});
    return job;
  };
}
