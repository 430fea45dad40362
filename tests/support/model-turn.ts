import type { Parcel, ParcelItems, ScoringRun, Turn } from '#rota/machines/turn.js';
import type { JournalEvent } from '#rota/protocol/journal.js';

/** A turn that keeps what it is given, with a clock that the test moves. */
export class ModelTurn implements Turn {
  wallMs = 1_700_000_000_000;
  monoMs = 1_000;
  readonly events: JournalEvent[] = [];
  /** `after`: how many facts were recorded before it. */
  readonly sent: { readonly to: string; readonly parcel: Parcel; readonly after: number }[] = [];
  readonly runs: ScoringRun[] = [];
  /** What `takeRoom` has left to give. */
  room = Number.POSITIVE_INFINITY;
  readonly #random: () => number;

  constructor(random: () => number = () => 0.5) {
    this.#random = random;
  }

  random(): number {
    return this.#random();
  }

  takeRoom(bytes: number): boolean {
    if (this.room <= 0) return false;
    this.room -= bytes;
    return true;
  }

  record(event: JournalEvent): void {
    this.events.push(event);
  }

  send(to: string, parcel: Parcel): void {
    this.sent.push({ to, parcel, after: this.events.length });
  }

  score(run: ScoringRun): void {
    this.runs.push(run);
  }

  /** What was sent to one receiver, of one kind. */
  items<K extends keyof ParcelItems>(to: string, kind: K): ParcelItems[K][] {
    return this.sent
      .filter((one) => one.to === to && one.parcel.kind === kind)
      .map((one) => one.parcel.item as ParcelItems[K]);
  }

  recorded<T extends JournalEvent['type']>(type: T): Extract<JournalEvent, { type: T }>[] {
    return this.events.filter((event): event is Extract<JournalEvent, { type: T }> => event.type === type);
  }

  passMs(ms: number): void {
    this.monoMs += ms;
    this.wallMs += ms;
  }
}
