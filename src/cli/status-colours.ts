import type { NodeState } from '../protocol/frames.js';
import type { Colour } from './output.js';

/** One colour a state, the same everywhere. */
export const STATUS_COLOURS: Record<NodeState['state'], Colour> = {
  waiting: 'dim',
  pending: 'yellow',
  assigned: 'cyan',
  running: 'cyan',
  completed: 'green',
  failed: 'red',
  cancelled: 'yellow',
  skipped: 'dim',
};
