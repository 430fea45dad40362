import type { Clock } from '../clock.js';
import { type Cell, type Output, tableLines } from './output.js';
import { type BoardRow, isOver, type RunBoard } from './run-board.js';
import { type RunView, whyText } from './run-view.js';
import { STATUS_COLOURS } from './status-colours.js';
import { durationText, fit, oneLine, widthOf } from './text.js';

const REDRAW_MS = 100;
const HIDE_CURSOR = '\u001b[?25l';
const SHOW_CURSOR = '\u001b[?25h';
const ERASE_BELOW = '\u001b[J';
/** Head, progress line, the line of what is left out, and the line below for the cursor. */
const FRAME_LINES = 4;
/** The table that stays in the end may scroll, but not for pages. */
const FINAL_ROWS_MAX = 200;
const BAR_CELLS = 24;

/** What a reader wants to see first where there is no room for all. */
const RANKS: Record<BoardRow['state'], number> = {
  running: 0,
  assigned: 0,
  failed: 1,
  pending: 2,
  cancelled: 3,
  completed: 4,
  waiting: 5,
  skipped: 6,
};

/**
 * A table of all tasks that is drawn again in its place. It owns the lines below the cursor's: whatever
 * else is to be said goes through `note`, which erases the table first.
 */
export function createLiveTable(output: Output, clock: Clock, name: string, board: RunBoard): RunView {
  const startMs = clock.monoMs();
  let drawn: readonly string[] = [];
  let isOverdue = true;
  let isEnded = false;

  const linesUp = () => drawn.reduce((sum, line) => sum + Math.max(1, Math.ceil(widthOf(line) / output.columns)), 0);
  const erase = () => {
    const up = linesUp();
    drawn = [];
    return up === 0 ? '' : `\u001b[${up}A\r${ERASE_BELOW}`;
  };
  const draw = (rowsMax: number) => {
    isOverdue = false;
    const eraser = erase();
    drawn = frameLines(output, board, { name, rowsMax, elapsedMs: clock.monoMs() - startMs });
    output.raw(`${eraser}${drawn.join('\n')}\n`);
  };
  const redraw = () => {
    if (isOverdue || board.count('running', 'assigned') > 0) draw(output.rows - FRAME_LINES);
  };

  const showCursor = () => output.raw(SHOW_CURSOR);
  process.once('exit', showCursor);
  output.raw(HIDE_CURSOR);
  draw(output.rows - FRAME_LINES);
  const stopDrawing = clock.every(REDRAW_MS, redraw);
  return {
    changed() {
      isOverdue = true;
    },
    note(text) {
      if (isEnded) return output.note(text);
      output.raw(erase());
      output.note(text);
      draw(output.rows - FRAME_LINES);
    },
    end() {
      if (isEnded) return;
      isEnded = true;
      stopDrawing();
      draw(FINAL_ROWS_MAX);
      process.off('exit', showCursor);
      showCursor();
    },
  };
}

interface Frame {
  readonly name: string;
  readonly rowsMax: number;
  readonly elapsedMs: number;
}

function frameLines({ paint, columns }: Output, board: RunBoard, { name, rowsMax, elapsedMs }: Frame): string[] {
  // A line that fills the last column would wrap in some terminals.
  const width = columns - 1;
  const shown = select(board.rows, Math.max(1, rowsMax));
  const head = ['TASK', 'STATE', 'AGENT', 'ELAPSED', 'TRY', 'WHY'].map((text): Cell => ({ text, colour: 'dim' }));
  const lines = tableLines([head, ...shown.map((row) => cellsOf(board, row))], width, paint);
  const left = board.rows.length - shown.length;
  if (left > 0) lines.push(paint('dim', fit(`… and ${left} more`, width)));
  lines.push(progressLine(board, name, elapsedMs, width, paint));
  return lines;
}

/** The rows that there is room for, in the order of the file. */
function select(rows: readonly BoardRow[], max: number): readonly BoardRow[] {
  if (rows.length <= max) return rows;
  const byRank = [...rows].sort((a, b) => RANKS[a.state] - RANKS[b.state]);
  const chosen = new Set(byRank.slice(0, max));
  return rows.filter((row) => chosen.has(row));
}

function cellsOf(board: RunBoard, row: BoardRow): Cell[] {
  const elapsedMs = board.elapsedMs(row);
  return [
    { text: row.key },
    { text: row.state, colour: STATUS_COLOURS[row.state] },
    { text: row.agentId ?? '' },
    { text: elapsedMs === undefined ? '' : durationText(elapsedMs) },
    {
      text: row.attempt === 0 ? '' : `${row.attempt}/${row.maxAttempts}`,
      colour: row.attempt > 1 ? 'yellow' : undefined,
    },
    { text: oneLine(whyText(board, row)), colour: row.state === 'failed' ? 'red' : 'dim' },
  ];
}

function progressLine(board: RunBoard, name: string, elapsedMs: number, width: number, paint: Output['paint']): string {
  const total = board.rows.length;
  const over = board.rows.filter(isOver).length;
  const filled = Math.round((BAR_CELLS * over) / total);
  const failed = board.count('failed');
  const running = board.count('running', 'assigned');
  const bar = paint(failed > 0 ? 'red' : 'green', '━'.repeat(filled)) + paint('dim', '━'.repeat(BAR_CELLS - filled));
  const parts = [`${over}/${total}`];
  if (running > 0) parts.push(`${running} running`);
  if (failed > 0) parts.push(`${failed} failed`);
  parts.push(durationText(elapsedMs), oneLine(name));
  return width <= BAR_CELLS ? bar : `${bar} ${fit(parts.join(' · '), width - BAR_CELLS - 1)}`;
}
