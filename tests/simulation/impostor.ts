import { encode } from '#rota/protocol/codec.js';
import { createSubjects } from '#rota/protocol/subjects.js';
import { NAMESPACE } from './checker.js';
import { isHeld } from './model.js';
import type { Process } from './process.js';
import { Seat } from './seat.js';

const subjects = createSubjects(NAMESPACE);
const SESSION = 'impostor';
const EVERY_MS = 700;

/**
 * Somebody with credentials of its own who knows everything and claims what is not its own: it reports for others,
 * settles for others and names the tasks of others in its heartbeats.
 */
export class ImpostorSeat extends Seat {
  protected override start(process: Process): void {
    const { network, scenario } = this.stage;
    const transport = network.connect(process);
    // Registered, so that what it says is heard, and not enabled, so that it gets nothing.
    const profile = { pool: scenario.agents[0]?.profile.pool, enabled: false };
    const ask = (verb: 'register' | 'heartbeat' | 'settle', frame: object) =>
      void transport.request(subjects.from(this.name, verb), encode(frame), { timeoutMs: 500 }).catch(() => {});
    ask('register', { session: SESSION, profile, held: [] });
    process.clock.every(EVERY_MS, () => {
      if (this.stage.isCalm) return;
      const claimed = this.#claimed();
      if (claimed === undefined) return ask('register', { session: SESSION, profile, held: [] });
      const { taskId, token } = claimed;
      const report = { outcome: 'completed', taskId, token, result: 'forged', durationMs: 1 };
      transport.publish(subjects.from(this.name, 'report'), encode({ session: SESSION, reports: [report] }));
      ask('heartbeat', { session: SESSION, held: [{ taskId, token }] });
      ask('settle', { settlements: [{ action: 'complete', taskId, token, result: 'forged' }] });
    });
  }

  protected override stopGently(): Promise<void> {
    return Promise.resolve();
  }

  /** A task that another holds just now. */
  #claimed(): { taskId: string; token: number } | undefined {
    const held = [...this.stage.checker.model.tasks.values()].filter(isHeld);
    if (held.length === 0) return undefined;
    const { record, token } = this.stage.world.dice.pick(held);
    return { taskId: record.id, token };
  }
}
