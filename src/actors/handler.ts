import type { Sender } from '../protocol/subjects.js';
import type { Leader } from './leader.js';

/** What a verb does with one request. An answer given inside a turn leaves after the commit of that turn. */
export type Handler = (
  leader: Leader,
  sender: Sender,
  bytes: Uint8Array,
  answer: (frame: object) => void,
) => void | Promise<void>;
