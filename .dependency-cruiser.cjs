/**
 * The import rule: which room may import which. `docs/ARCHITECTURE.md` has the same table in words.
 * Every room may also import `src/clock.ts` and `src/ids.ts`, the ports of time, chance and ids.
 */
const ROOMS = {
  protocol: [],
  transport: ['protocol'],
  store: ['protocol', 'failpoints'],
  selection: ['protocol'],
  machines: ['protocol', 'selection'],
  workflow: ['protocol'],
  availability: ['protocol'],
  actors: [
    ...'protocol selection machines workflow failpoints'.split(' '),
    ...['transport/transport', 'store/store', 'availability/source'],
  ],
  sdk: ['protocol', 'transport/transport', 'failpoints'],
  launch: ['protocol'],
  config: ['protocol'],
  cli: [
    ...'protocol selection machines workflow availability actors transport store sdk launch config'.split(' '),
    ...['embed', 'failpoints'],
  ],
};

/** The one part of selection that is not pure. */
const SCORING_THREADS = '^src/selection/threads/';

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
  ['SQL drivers', '^(node_modules/)?(libsql|pg|kysely)(/|$)', '^src/store/'],
  ['XState', '^(node_modules/)?xstate(/|$)', '^src/(machines|actors)/'],
  ['msgpackr', '^(node_modules/)?msgpackr(/|$)', '^src/protocol/'],
  ['luxon', '^(node_modules/)?luxon(/|$)', '^src/selection/'],
  ['piscina', '^(node_modules/)?piscina(/|$)', '^src/selection/threads/'],
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
      comment: 'Machines and selection are pure but for the scoring threads: no files, sockets, threads or processes.',
      severity: 'error',
      from: { path: '^src/(machines|selection)/', pathNot: SCORING_THREADS },
      to: { dependencyTypes: ['core'], pathNot: '^(node:)?util$' },
    },
    {
      name: 'no-threads-in-the-core',
      comment: 'The scoring threads lean on the core, never the other way round.',
      severity: 'error',
      from: { path: '^src/(machines|selection)/', pathNot: SCORING_THREADS },
      to: { path: SCORING_THREADS },
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
