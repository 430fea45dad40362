import type { Candidates } from '../candidates.js';
import type { Chance } from '../chance.js';
import type { Scored } from '../ranking.js';

/** What a strategy chooses by, beside the candidates. */
export interface Turn {
  /** Whom the task's rotation served last, by index; -1 where it served nobody yet. */
  readonly cursor: number;
  readonly chance: Chance;
  readonly scores: Scores;
  /** Of so many choices the agent is drawn, whatever the scores. */
  readonly explorationShare: number;
  nameOf(index: number): string;
  /** So many candidates, in words: `12 free agents`. */
  crowd(count: number): string;
}

export interface Scores {
  /** Undefined where the scorer said nothing of it. */
  of(index: number): number | undefined;
  /** How it came about, in words; empty where nothing is known. */
  about(index: number): string;
  /** Whether each look at them is a draw of its own, so that chances have no closed form. */
  readonly areDrawn: boolean;
}

export interface Picked {
  readonly index: number;
  /** The chance that it had; absent where it has no closed form. */
  readonly probability?: number;
  /** Why this one, in words. */
  readonly why: string;
  /** The best that have a score, best first; the chosen one among them where it has one. Of `weighted`. */
  readonly best?: readonly Scored[];
}

/** Picks one of the candidates, of which there is one at least. Pure: all chance comes from the turn's. */
export type Strategy = (candidates: Candidates, turn: Turn) => Picked;
