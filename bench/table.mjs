const COLUMNS = ['', 'per second', 'p50 ms', 'p95 ms', 'p99 ms', 'max ms'];
const QUANTILES = ['p50', 'p95', 'p99', 'max'];

/** The report as Markdown. */
export function toText({ versions, machine, durability, rows, clock }) {
  const { rota, node } = versions;
  const server = versions['nats-server'];
  return [
    `rota ${rota}, Node ${node}, nats-server ${server}, xstate ${versions.xstate}, libsql ${versions.libsql}`,
    `${machine.cpus} × ${machine.cpu}, ${machine.memoryGiB} GiB, ${machine.system}, ${machine.fileSystem}`,
    `${durability}; times across processes by ${clock}; load before: ${machine.loadBefore.toFixed(1)}`,
    '',
    ...markdown([COLUMNS, ...cellsOf(rows)]),
  ].join('\n');
}

function cellsOf({ requestReply, durableCommit, throughput, latency }) {
  const { frameBytes, oneAtATimeMs, pacedMs, pipelined } = requestReply;
  return [
    [`A: NATS request/reply, ${frameBytes} bytes, one at a time`, '', ...times(oneAtATimeMs)],
    [`A: the same at ${latency.ratePerSecond}/s`, '', ...times(pacedMs)],
    [`A: the same, ${pipelined.inFlight} in flight`, spread(pipelined.perSecond)],
    [
      `B: durable commit of one row, ${durableCommit.rowBytes} bytes`,
      whole(durableCommit.perSecond),
      ...times(durableCommit.commitMs),
    ],
    ...throughput.flatMap(({ tasks, prefetch, tasksPerSecond, tablesPerSecond, ofFloor }) => [
      [`${whole(tasks)} tasks, prefetch ${prefetch}: all results known`, spread(tasksPerSecond)],
      ['— of A in flight', `× ${ofFloor.toFixed(2)}`],
      ['— until the tables have them too', spread(tablesPerSecond)],
    ]),
    [`${latency.ratePerSecond} tasks/s: due → sent (the bench's own delay)`, '', ...times(latency.sentMs)],
    ['— due → acknowledged', '', ...times(latency.acknowledgedMs)],
    ...['started', 'known'].flatMap((name) => [
      [name === 'started' ? '— due → handler starts' : '— due → result known', '', ...times(latency[`${name}Ms`])],
      ['— of A, one at a time', '', ...ratios(latency.ofFloor[name])],
      ['— of A at the same rate', '', ...ratios(latency.ofPacedFloor[name])],
    ]),
  ];
}

function times(quantiles) {
  return QUANTILES.map((name) => quantiles[name].toFixed(2));
}

function ratios(quantiles) {
  return QUANTILES.map((name) => `× ${quantiles[name].toFixed(1)}`);
}

function spread({ median, min, max }) {
  return min === max ? whole(median) : `${whole(median)} (${whole(min)}–${whole(max)})`;
}

function whole(number) {
  return Math.round(number).toLocaleString('en');
}

function markdown(rows) {
  const widths = COLUMNS.map((_, column) => Math.max(3, ...rows.map((cells) => (cells[column] ?? '').length)));
  const pad = (text, column) => (column === 0 ? text.padEnd(widths[column]) : text.padStart(widths[column]));
  const line = (cells) => `| ${widths.map((_, column) => pad(cells[column] ?? '', column)).join(' | ')} |`;
  const rule = widths.map((width, column) => (column === 0 ? '-'.repeat(width) : `${'-'.repeat(width - 1)}:`));
  const [head, ...body] = rows.map(line);
  return [head, `| ${rule.join(' | ')} |`, ...body];
}
