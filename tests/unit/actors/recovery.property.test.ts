import fc from 'fast-check';
import { expect, test } from 'vitest';
import type { Selector } from '#rota/machines/selector.js';
import { isTerminal } from '#rota/protocol/task.js';
import { createMemoryStore } from '#rota/store/memory.js';
import { ModelTurn } from '../../support/model-turn.js';
import { PoolDriver, selectorWith } from '../../support/pool.js';
import { act, poolStep, somePolicy } from '../../support/pool-steps.js';
import { take } from '../../support/stores.js';

/** What a new leader must know: all that has not ended, every agent, the rotations and how agents have done. */
function essentials(selector: Selector, monoMs: number) {
  const { history, openLoad, roster, rotations, policy } = selector.state;
  history.advance(monoMs);
  openLoad.advance(monoMs);
  return {
    ...{ rotations: rotations.entries(), policy, history: history.entries() },
    agents: [...selector.roster.members()]
      // When it joined is counted by each process for itself.
      .map((member) => ({
        ...{ ...member, joined: 0 },
        recentLoad: roster.columns.recentLoads[member.index],
        performance: ['build', 'test'].map((workType) => ({ ...roster.performanceOf(member, workType) })),
      }))
      .sort((a, b) => a.index - b.index),
    tasks: [...selector.tasks()]
      .filter((task) => !isTerminal(task.status))
      .sort((a, b) => a.record.order - b.record.order)
      .map(({ record, requirement, status, attempt, token, agentId, ended }) => ({
        ...{ record, requirement, status, attempt, token, ended },
        // Of a task that waits, who held it last is history.
        agentId: status === 'pending' ? undefined : agentId,
      })),
  };
}

test('whenever the tables stop following, they and the rest of the journal give back the live state', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(poolStep, { maxLength: 60, size: 'max' }),
      fc.nat(60),
      somePolicy,
      async (steps, materialisedSteps, policy) => {
        const pool = new PoolDriver({ policy });
        const store = createMemoryStore();
        const { epoch } = await take(store, 'first');
        let seq = 0;
        let written = 0;
        let inTables = 0;
        for (const [serial, one] of steps.entries()) {
          act(pool, one, serial);
          const events = pool.turn.events.slice(written);
          written += events.length;
          if (serial >= materialisedSteps || events.length === 0) continue;
          seq += 1;
          inTables = written;
          await store.append({ seq, epoch, events });
        }

        const recovered = await take(store, 'second');
        const turn = new ModelTurn();
        turn.monoMs = pool.turn.monoMs;
        const selector = selectorWith(turn, policy);
        const [image] = recovered.pools;
        if (image !== undefined) selector.restore(image);
        for (const row of recovered.tail) for (const event of row.events) selector.apply(event);
        for (const event of pool.turn.events.slice(inTables)) selector.apply(event);

        const { monoMs } = pool.turn;
        expect(essentials(selector, monoMs)).toEqual(essentials(pool.selector, monoMs));
      },
    ),
    { numRuns: 500 },
  );
});
