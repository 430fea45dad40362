import type { JournalEvent } from '../protocol/journal.js';
import type { Tables } from './tables.js';

/**
 * Bounds what a store in memory keeps of the past.
 *
 * Owns the order in which things ended. At most `keepEnded` ended tasks stay, apart from those of
 * running orchestrations, which are needed until those end; and of ended orchestrations the newest
 * that have no more than `keepEnded` tasks together.
 */
export class Retention {
  readonly #tables: Tables;
  readonly #tasks: Fifo;
  readonly #orchestrations: Fifo;

  constructor(tables: Tables, keepEnded: number) {
    this.#tables = tables;
    this.#tasks = new Fifo(keepEnded, (id) => tables.dropTask(id));
    this.#orchestrations = new Fifo(keepEnded, (id) => tables.dropOrchestration(id));
  }

  /** Called once the tables have the event. */
  note(event: JournalEvent): void {
    switch (event.type) {
      case 'taskCompleted':
      case 'taskFailed':
      case 'taskCancelled':
        this.#taskEnded(event.taskId);
        break;
      case 'orchestrationEnded':
        this.#orchestrationEnded(event.orchestrationId);
        break;
    }
  }

  #taskEnded(id: string): void {
    const orchestrationId = this.#tables.task(id)?.orchestration_id;
    const needed = orchestrationId != null && this.#tables.orchestration(orchestrationId)?.ended_at_ms === null;
    if (!needed) this.#tasks.push(id, 1);
  }

  #orchestrationEnded(id: string): void {
    const nodes = this.#tables.nodes(id);
    for (const { task_id } of nodes) {
      const ended = this.#tables.task(task_id)?.ended_at_ms != null;
      if (ended) this.#tasks.push(task_id, 1);
    }
    this.#orchestrations.push(id, nodes.length);
  }
}

/** Holds the newest ids up to a total weight; the newest one stays whatever it weighs. */
class Fifo {
  readonly #limit: number;
  readonly #drop: (id: string) => void;
  #items: { readonly id: string; readonly weight: number }[] = [];
  #head = 0;
  #total = 0;

  constructor(limit: number, drop: (id: string) => void) {
    this.#limit = limit;
    this.#drop = drop;
  }

  push(id: string, weight: number): void {
    this.#items.push({ id, weight });
    this.#total += weight;
    while (this.#total > this.#limit && this.#head < this.#items.length - 1) this.#shift();
  }

  #shift(): void {
    const oldest = this.#items[this.#head++];
    if (oldest === undefined) return;
    this.#total -= oldest.weight;
    this.#drop(oldest.id);
    if (this.#head * 2 < this.#items.length) return;
    this.#items = this.#items.slice(this.#head);
    this.#head = 0;
  }
}
