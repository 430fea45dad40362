import { serve } from './child.mjs';

/** `rota up` as it is run, but that it ends with the driver and stops when it is told to. */
await serve(({ url, file, leaseMs, failoverMs = 3_000 }) => {
  const timing = ['--lease-ms', String(leaseMs), '--failover-ms', String(failoverMs)];
  process.argv.splice(2, 1, 'up', '--nats', url, '--store', file, ...timing);
  void import('../dist/cli/main.js');
  // The command ends the process itself.
  return () => new Promise(() => process.kill(process.pid, 'SIGTERM'));
});
