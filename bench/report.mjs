import { fixed, spread, table, times, whole } from './table.mjs';

/** The report as Markdown. */
export function toText({ versions, machine, rows, clock }) {
  const { rota, node } = versions;
  const server = versions['nats-server'];
  const store = rows.latency?.store ?? rows.scale?.[0].store;
  return [
    `rota ${rota}, Node ${node}, nats-server ${server}, xstate ${versions.xstate}, libsql ${versions.libsql}`,
    `${machine.cpus} × ${machine.cpu}, ${machine.memoryGiB} GiB, ${machine.system}, ${machine.fileSystem}`,
    `${store === undefined ? '' : `${store}; `}times across processes by ${clock}; load before: ${fixed(machine.loadBefore, 1)}`,
    ...(rows.requestReply === undefined ? [] : section('Tasks', tasksTable(rows))),
    ...(rows.selection === undefined ? [] : section('Selection', selectionTable(rows.selection))),
    ...(rows.scoring === undefined ? [] : section('Scoring', scoringTable(rows.scoring))),
    ...(rows.semantic === undefined ? [] : section('The semantic scorer', semanticTable(rows.semantic))),
    ...(rows.scale === undefined ? [] : section('Scale', scaleTable(rows.scale))),
  ].join('\n');
}

function section(title, lines) {
  return ['', `## ${title}`, '', ...lines];
}

const QUANTILES = ['p50', 'p95', 'p99', 'max'];
const quantiles = (found) => QUANTILES.map((name) => fixed(found[name]));
const ratios = (found) => QUANTILES.map((name) => `× ${fixed(found[name], 1)}`);
const micros = (ms) => fixed(ms * 1_000, 1);

function tasksTable({ requestReply, durableCommit, throughput, latency }) {
  const { frameBytes, oneAtATimeMs, pacedMs, pipelined } = requestReply;
  const { rowBytes, commitMs } = durableCommit;
  const rows = [
    [`A: NATS request/reply, ${frameBytes} bytes, one at a time`, '', ...quantiles(oneAtATimeMs)],
    [`A: the same at ${latency.ratePerSecond}/s`, '', ...quantiles(pacedMs)],
    [`A: the same, ${pipelined.inFlight} in flight`, spread(pipelined.perSecond)],
    [`B: durable commit of one row, ${rowBytes} bytes`, whole(durableCommit.perSecond), ...quantiles(commitMs)],
    ...throughput.flatMap(({ tasks, prefetch, tasksPerSecond, tablesPerSecond, ofFloor }) => [
      [`${whole(tasks)} tasks, prefetch ${prefetch}: all results known`, spread(tasksPerSecond)],
      ['— of A in flight', times(ofFloor)],
      ['— until the tables have them too', spread(tablesPerSecond)],
    ]),
    [`${latency.ratePerSecond} tasks/s: due → sent (the bench's own delay)`, '', ...quantiles(latency.sentMs)],
    ['— due → acknowledged', '', ...quantiles(latency.acknowledgedMs)],
    ...['started', 'known'].flatMap((name) => [
      [name === 'started' ? '— due → handler starts' : '— due → result known', '', ...quantiles(latency[`${name}Ms`])],
      ['— of A, one at a time', '', ...ratios(latency.ofFloor[name])],
      ['— of A at the same rate', '', ...ratios(latency.ofPacedFloor[name])],
    ]),
  ];
  return table(['', 'per second', 'p50 ms', 'p95 ms', 'p99 ms', 'max ms'], rows);
}

function selectionTable(rows) {
  const columns = [
    'strategy',
    'asks for',
    'agents',
    'choices/s',
    'p50 µs',
    'p99 µs',
    'array scan/s',
    'p99 µs',
    'of the scan',
  ];
  const cells = rows.map(({ agents, strategy, label, engine, scan, ofScan }) => [
    ...[strategy, label === null ? 'anybody' : 'a label', whole(agents)],
    ...[spread(engine.perSecond), micros(engine.chooseMs.p50), micros(engine.chooseMs.p99)],
    ...[whole(scan.perSecond.median), micros(scan.chooseMs.p99), times(ofScan)],
  ]);
  return table(columns, cells, 2);
}

function scoringTable(rows) {
  const columns = [
    'confidence',
    'candidates',
    'inline, p50 ms',
    'held up by a thread, p50 ms',
    'of inline',
    'chosen after, p50 ms',
  ];
  const cells = rows.map(({ candidates, confidence, inlineMs, heldMs, answeredMs, ofInline }) => [
    ...[confidence, whole(candidates), fixed(inlineMs.p50), fixed(heldMs.p50), times(ofInline), fixed(answeredMs.p50)],
  ]);
  return table(columns, cells);
}

function semanticTable({ agents, dimensions, ratePerSecond, ways }) {
  const what = `${whole(agents)} agents, ${dimensions} dimensions, ${ratePerSecond} choices/s`;
  const cells = Object.entries(ways).map(([name, { delayMs, chooseMs, late }]) => [
    { nothing: 'nothing runs', inline: 'scored inline', threads: 'scored on the threads' }[name],
    ...['p50', 'p99', 'max'].map((quantile) => fixed(delayMs[quantile].median)),
    ...(chooseMs === undefined ? [] : [fixed(chooseMs.p50), fixed(chooseMs.p99), whole(late)]),
  ]);
  return table([what, 'delay p50 ms', 'p99', 'max', 'chosen after, p50 ms', 'p99', 'too late'], cells);
}

function scaleTable(rows) {
  const cells = rows.flatMap(({ agents, ratePerSecond, joinedPerSecond, residentMiB, ...measured }) => [
    [`B at ${ratePerSecond}/s, right before: due → committed`, ...quantiles(measured.commitMs)],
    [
      `${whole(agents)} agents, ${ratePerSecond} tasks/s: due → sent (the bench's own delay)`,
      ...quantiles(measured.lateMs),
    ],
    ['— sent → acknowledged', ...quantiles(measured.acknowledgedMs)],
    ['— sent → assignment received', ...quantiles(measured.assignedMs)],
    ['— due → assignment received', ...quantiles(measured.dueToAssignedMs)],
    [
      `— ${whole(joinedPerSecond)} joined a second; ${whole(residentMiB.joined)} MiB then, ${whole(residentMiB.worked)} MiB at the end`,
    ],
  ]);
  return table(['', 'p50 ms', 'p95 ms', 'p99 ms', 'max ms'], cells);
}
