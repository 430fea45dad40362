/**
 * The import rule: which room may import which. `docs/ARCHITECTURE.md` has the same table in words.
 * Every room may also import `src/clock.ts` and `src/ids.ts`, the ports of time, chance and ids.
 */
const ROOMS = {
  protocol: [],
  transport: ['protocol'],
  store: ['protocol'],
  selection: ['protocol'],
  machines: ['protocol', 'selection'],
  workflow: ['protocol'],
  actors: ['protocol', 'selection', 'machines', 'workflow', 'transport/transport', 'store/store'],
  sdk: ['protocol', 'transport/transport'],
  launch: ['protocol'],
  config: ['protocol'],
  cli: [...'protocol selection machines workflow actors transport store sdk launch config'.split(' '), 'embed'],
};

const roomRules = Object.entries(ROOMS).map(([room, allowed]) => ({
  name: `room-${room}`,
  comment: `src/${room} may import ${allowed.join(', ') || 'no other room'}.`,
  severity: 'error',
  from: { path: `^src/${room}/` },
  to: { path: '^src/', pathNot: `^src/(${[room, ...allowed, 'clock\\.ts', 'ids\\.ts'].join('|')})` },
}));

/** Packages that one room alone may import. */
const owned = [
  ['NATS', '^(node_modules/)?@nats-io/', '^src/transport/'],
  ['SQL drivers', '^(node_modules/)?(libsql|kysely)(/|$)', '^src/store/'],
  ['XState', '^(node_modules/)?xstate(/|$)', '^src/(machines|actors)/'],
  ['msgpackr', '^(node_modules/)?msgpackr(/|$)', '^src/protocol/'],
  ['commander', '^(node_modules/)?commander(/|$)', '^src/cli/'],
].map(([what, path, pathNot]) => ({
  name: `owner-of-${what.toLowerCase().replaceAll(' ', '-')}`,
  comment: `${what}: one room imports it, so that it can be replaced there.`,
  severity: 'error',
  from: { path: '^src/', pathNot },
  to: { path },
}));

module.exports = {
  forbidden: [
    ...roomRules,
    ...owned,
    {
      name: 'no-io-in-the-core',
      comment: 'Machines and selection are pure: no files, sockets, threads or processes.',
      severity: 'error',
      from: { path: '^src/(machines|selection)/' },
      to: { dependencyTypes: ['core'], pathNot: '^(node:)?util$' },
    },
    { name: 'no-cycles', severity: 'error', from: {}, to: { circular: true } },
    {
      name: 'no-orphans',
      severity: 'error',
      from: { orphan: true, pathNot: '^src/(index|store/sqlite-worker|cli/main)\\.ts$' },
      to: {},
    },
  ],
  options: {
    doNotFollow: { path: 'node_modules' },
    tsPreCompilationDeps: true,
    tsConfig: { fileName: 'tsconfig.json' },
    enhancedResolveOptions: {
      exportsFields: ['exports'],
      conditionNames: ['import', 'types', 'node'],
      extensions: ['.ts', '.js'],
    },
  },
};
