import type { Clock } from '../clock.js';
import type { Update } from '../sdk/index.js';
import type { Output } from './output.js';
import type { BoardRow, RunBoard } from './run-board.js';
import { STATUS_COLOURS } from './status-colours.js';
import { clockText, durationText, oneLine } from './text.js';

/** How a run is shown while it goes on. */
export interface RunView {
  /** These tasks changed, because of the update or because the run began. */
  changed(rows: readonly BoardRow[], update?: Update): void;
  /** Says something about the run itself. */
  note(text: string): void;
  /** The last state stays on the screen. */
  end(): void;
}

/** A line for each change, for pipes and logs. */
export function createLineView(output: Output, clock: Clock, board: RunBoard): RunView {
  /** Ready, and perhaps assigned in the same turn: then that is what is told. */
  const ready = new Set<BoardRow>();
  const print = (row: BoardRow, text: string) => {
    const time = output.paint('dim', clockText(clock.wallMs()));
    output.line(`${time} ${row.key} ${output.paint(STATUS_COLOURS[row.state], oneLine(text))}`);
  };
  const printReady = () => {
    for (const row of ready) if (row.state === 'pending') print(row, readyText(row));
    ready.clear();
  };
  return {
    changed(rows, update) {
      for (const row of rows) {
        if (update?.kind === 'progress') print(row, row.progress ?? '');
        else if (row.state === 'pending') {
          if (ready.size === 0) clock.defer(printReady);
          ready.add(row);
        } else if (row.state !== 'assigned') print(row, changeText(board, row));
      }
    },
    note: (text) => output.note(`rota: ${text}`),
    end() {},
  };
}

function readyText({ attempt, maxAttempts, pool, reason }: BoardRow): string {
  if (attempt === 0) return `ready, waits for a free agent of ${pool}`;
  return `waits for attempt ${attempt + 1} of ${maxAttempts}: ${reason ?? 'the last one did not complete'}`;
}

function changeText(board: RunBoard, row: BoardRow): string {
  const { state, agentId, reason, attempt } = row;
  const on = agentId === undefined ? '' : ` on ${agentId}`;
  const took =
    row.startedMs === undefined || row.endedMs === undefined ? '' : ` in ${durationText(row.endedMs - row.startedMs)}`;
  switch (state) {
    case 'running':
      return `running${on}${attempt > 1 ? `, attempt ${attempt} of ${row.maxAttempts}` : ''} (${reason ?? 'no reason given'})`;
    case 'completed':
      return `completed${on}${took}`;
    case 'failed':
      return `failed${on}${took}: ${row.error?.message ?? ''}`;
    case 'skipped':
      return `skipped: ${skippedText(board.missing(row))}`;
    default:
      return `${state}${on}`;
  }
}

/** A line of JSON for each update, for programs. */
export function createJsonView(output: Output): RunView {
  return {
    changed(rows, update) {
      if (update === undefined) return;
      const taskId = update.kind === 'orchestration' ? undefined : update.event.taskId;
      const row = rows.find((row) => row.taskId === taskId);
      output.json({ type: update.kind, ...(row === undefined ? {} : { key: row.key }), ...update.event });
    },
    note: (text) => output.note(`rota: ${text}`),
    end() {},
  };
}

function skippedText(missing: readonly string[]): string {
  return missing.length === 0 ? 'the run was cancelled' : `${missing.join(', ')} did not complete`;
}

/** Why a task is where it is, in a few words. */
export function whyText(board: RunBoard, row: BoardRow): string {
  const { state, progress, reason, error, pool, attempt } = row;
  switch (state) {
    case 'waiting':
      return `after ${board.missing(row).join(', ')}`;
    case 'pending':
      return attempt === 0 ? `for a free agent of ${pool}` : `again: ${reason ?? ''}`;
    case 'assigned':
    case 'running':
      return progress === undefined ? (reason ?? '') : `${progress} · ${reason ?? ''}`;
    case 'completed':
      return reason ?? '';
    case 'failed':
      return error?.message ?? '';
    case 'skipped':
      return skippedText(board.missing(row));
    case 'cancelled':
      return '';
  }
}
