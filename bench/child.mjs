/**
 * The life of a child process of the bench. `start` gets the options that the driver passed and answers
 * how to stop. The child ends when it is told to, and at once when the driver is gone.
 */
export async function serve(start) {
  process.once('disconnect', () => process.exit(1));
  const stop = await start(JSON.parse(process.argv[2]));
  process.once('message', async () => {
    await stop();
    process.exit();
  });
  process.send('ready');
}

/** For actors that stop by themselves only when something is wrong: then the child fails, and so the run. */
export async function failWhenStopped(stopped) {
  const error = await stopped;
  if (error !== undefined) throw error;
}
