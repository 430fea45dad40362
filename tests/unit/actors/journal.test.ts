import { describe, expect, test } from 'vitest';
import { Journal } from '#rota/actors/journal.js';
import { Outbox } from '#rota/actors/outbox.js';
import { systemClock } from '#rota/clock.js';
import { type ErrorCode, RotaError } from '#rota/protocol/errors.js';
import type { JournalEvent, JournalRow } from '#rota/protocol/journal.js';
import { LIMITS } from '#rota/protocol/limits.js';
import { createSubjects } from '#rota/protocol/subjects.js';
import { createMemoryStore } from '#rota/store/memory.js';
import type { Store } from '#rota/store/store.js';
import { gate } from '../../support/signals.js';
import { take } from '../../support/stores.js';

function event(n: number): JournalEvent {
  return { type: 'reportRefused', atMs: n, taskId: `t${n}`, agentId: 'a', token: 1, code: 'STALE_LEASE' };
}

/** A real store whose appends wait until the test lets them go on, one by one. */
async function gatedJournal({ whenCurrent = async () => true } = {}) {
  const store = createMemoryStore();
  const { epoch, seq } = await take(store, 'test');
  const waiting: { row: JournalRow; go: (failure?: ErrorCode) => void }[] = [];
  let onAppend = () => {};
  const gated: Store = Object.assign(Object.create(store), {
    append: (row: JournalRow) =>
      new Promise<void>((resolve, reject) => {
        const go = (failure?: ErrorCode) => {
          if (failure === undefined) store.append(row).then(resolve, reject);
          else reject(new RotaError(failure, 'Planted.'));
        };
        waiting.push({ row, go });
        onAppend();
      }),
  });
  const replies: string[] = [];
  const publish = (subject: string) => void replies.push(subject.split('.').at(-1) ?? '');
  const outbox = new Outbox({ publish }, createSubjects('test'), () => expect.fail('not delivered'));
  const stalls: boolean[] = [];
  const deposed: string[] = [];
  const journal = new Journal({
    ...{ store: gated, clock: systemClock, outbox, epoch, seq, lease: { whenCurrent } },
    onEnded: (error) => deposed.push(error.code),
    onStall: (error) => stalls.push(error !== undefined),
  });
  const nextAppend = async () => {
    if (waiting.length === 0) {
      await new Promise<void>((resolve) => {
        onAppend = resolve;
      });
    }
    const next = waiting.shift();
    return next ?? expect.fail('no append');
  };
  const reply = (name: string) => {
    outbox.reply(`_INBOX.test.${name}`, {});
    journal.schedule();
  };
  return { journal, reply, replies, nextAppend, stalls, deposed };
}

describe('the journal', () => {
  test('makes one row of a turn, and lets what depends on it leave after the commit', async () => {
    const { journal, reply, replies, nextAppend } = await gatedJournal();
    journal.record(event(1));
    reply('a');
    journal.record(event(2));
    const append = await nextAppend();
    expect(append.row).toMatchObject({ seq: 1, events: [event(1), event(2)] });
    expect(replies).toEqual([]);
    append.go();
    await journal.idle();
    expect(replies).toEqual(['a']);
  });

  test('gathers the turns that come while a row is being committed into the next one', async () => {
    const { journal, reply, replies, nextAppend } = await gatedJournal();
    journal.record(event(1));
    const first = await nextAppend();
    journal.record(event(2));
    reply('b');
    await new Promise(setImmediate);
    journal.record(event(3));
    reply('c');
    first.go();
    const second = await nextAppend();
    expect(second.row).toMatchObject({ seq: 2, events: [event(2), event(3)] });
    expect(replies).toEqual([]);
    second.go();
    await journal.idle();
    expect(replies).toEqual(['b', 'c']);
  });

  test('keeps an answer without facts behind the commit that is under way', async () => {
    const { journal, reply, replies, nextAppend } = await gatedJournal();
    journal.record(event(1));
    const append = await nextAppend();
    reply('read');
    await new Promise(setImmediate);
    expect(replies).toEqual([]);
    append.go();
    await journal.idle();
    expect(replies).toEqual(['read']);
  });

  test('writes a row that failed again, the same, and says once that it stalls', async () => {
    const { journal, reply, replies, nextAppend, stalls } = await gatedJournal();
    journal.record(event(1));
    reply('a');
    (await nextAppend()).go('STORE_FAILED');
    const again = await nextAppend();
    expect(journal.isFull).toBe(true);
    again.go('STORE_FAILED');
    const last = await nextAppend();
    expect(last.row).toEqual(again.row);
    last.go();
    await journal.idle();
    expect(replies).toEqual(['a']);
    expect(stalls).toEqual([true, false]);
    expect(journal.isFull).toBe(false);
  });

  test('ends a row with the turn that makes it large, and lets everything leave behind the last', async () => {
    const { journal, reply, replies, nextAppend } = await gatedJournal();
    const turn = (count: number, bytes = 0) => {
      for (let i = 0; i < count; i++) journal.record(event(i));
      journal.weigh(bytes);
      journal.endTurn();
    };
    turn(LIMITS.rowEvents - 1);
    turn(LIMITS.rowEvents);
    turn(1, LIMITS.rowBytes - 1);
    turn(1, 1);
    turn(0, LIMITS.rowBytes);
    turn(3);
    reply('a');
    expect(journal.seq).toBe(3);
    for (const [i, count] of [2 * LIMITS.rowEvents - 1, 2, 3].entries()) {
      const append = await nextAppend();
      expect([append.row.seq, append.row.events.length]).toEqual([i + 1, count]);
      expect(replies).toEqual([]);
      append.go();
    }
    await journal.idle();
    expect([replies, journal.seq]).toEqual([['a'], 3]);
  });

  test('frames that brought no facts leave no weight behind', async () => {
    const { journal, reply, replies } = await gatedJournal();
    journal.weigh(LIMITS.uncommittedBytes);
    expect(journal.isFull).toBe(true);
    reply('nothing');
    await journal.idle();
    expect(replies).toEqual(['nothing']);
    expect(journal.isFull).toBe(false);
  });

  test('once deposed, commits nothing and lets nothing leave', async () => {
    const { journal, reply, replies, nextAppend, deposed } = await gatedJournal();
    journal.record(event(1));
    reply('a');
    (await nextAppend()).go('DEPOSED');
    await journal.idle();
    journal.record(event(2));
    reply('b');
    await new Promise(setImmediate);
    expect(deposed).toEqual(['DEPOSED']);
    expect(replies).toEqual([]);
  });

  test('lets what is committed leave when its leader may act, and in order', async () => {
    const mayAct = gate<boolean>();
    const { journal, reply, replies, nextAppend } = await gatedJournal({ whenCurrent: () => mayAct.passed });
    journal.record(event(1));
    reply('a');
    (await nextAppend()).go();
    await new Promise(setImmediate);
    reply('b');
    await new Promise(setImmediate);
    expect(replies).toEqual([]);
    mayAct.open(true);
    await journal.idle();
    expect(replies).toEqual(['a', 'b']);
  });

  test('keeps an answer without facts until its leader may act', async () => {
    const mayAct = gate<boolean>();
    const { journal, reply, replies } = await gatedJournal({ whenCurrent: () => mayAct.passed });
    reply('read');
    await new Promise(setImmediate);
    expect(replies).toEqual([]);
    mayAct.open(true);
    await journal.idle();
    expect(replies).toEqual(['read']);
  });

  test('lets nothing leave of a leader that never may act again', async () => {
    const mayAct = gate<boolean>();
    const { journal, reply, replies, nextAppend } = await gatedJournal({ whenCurrent: () => mayAct.passed });
    journal.record(event(1));
    reply('a');
    (await nextAppend()).go();
    const idle = journal.idle();
    mayAct.open(false);
    await new Promise(setImmediate);
    journal.stop();
    await idle;
    expect(replies).toEqual([]);
  });
});
