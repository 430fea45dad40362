import { defineConfig } from 'vitest/config';

export default defineConfig({
  test: {
    include: ['tests/**/*.test.ts'],
    // Most of what is tested here waits: for processes, servers and disks.
    maxWorkers: 2,
    testTimeout: 60_000,
    hookTimeout: 60_000,
    // What is built is what is tested: `#rota/…` is dist, loaded by Node as users load it.
    server: { deps: { external: [/\/dist\//] } },
  },
});
