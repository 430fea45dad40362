import { AgentSeat } from './agents.js';
import { Checker } from './checker.js';
import { ClientSeat, PATIENCE_MS } from './clients.js';
import { CoordinatorSeat } from './coordinators.js';
import { Dice } from './dice.js';
import { Disk } from './disk.js';
import type { Errand } from './errands.js';
import { ImpostorSeat } from './impostor.js';
import { Inspector } from './inspector.js';
import { i16 } from './invariants/progress.js';
import { Network } from './network.js';
import { drawScenario, type Scenario } from './scenario.js';
import type { Seat, Stage } from './seat.js';
import { StageHands } from './stage-hands.js';
import { Transcript } from './transcript.js';
import { World } from './world.js';

/** What became of one seed. */
export interface Outcome {
  readonly seed: number;
  readonly violation: { readonly invariant: string; readonly problem: string } | undefined;
  readonly steps: number;
  readonly tasks: number;
  readonly rows: number;
  readonly terms: number;
  readonly virtualMs: number;
  /** How often each thing went wrong. */
  readonly faults: Readonly<Record<string, number>>;
  /** Empty where none was asked for. */
  readonly transcript: string;
}

export interface SimulateOptions {
  readonly hasTranscript?: boolean;
}

/** Once nothing goes wrong any more, everything ends within so long. */
const LIVENESS_MS = 300_000;
const IMPOSTOR = 'x';

/** Runs one seed. The same seed gives the same run, to the last byte of the transcript. */
export async function simulate(seed: number, { hasTranscript = false }: SimulateOptions = {}): Promise<Outcome> {
  const dice = new Dice(seed);
  const scenario = drawScenario(dice);
  const world = new World(dice, new Transcript(hasTranscript));
  world.say('seed', () => `${seed}: ${JSON.stringify(scenario)}`);
  const checker = new Checker(world, scenario.failover.fenceMs);
  const network = new Network(world, checker);
  const disk = new Disk(world, checker);
  network.faults = scenario.network;
  disk.faults = scenario.disk;
  const stage: Stage = { world, scenario, network, disk, checker, isCalm: false };
  const cast = castOf(stage);
  const hands = new StageHands(stage, new Map(cast.all.map((seat) => [seat.name, seat])));
  const inspector = new Inspector(stage, cast.coordinators, cast.all);
  for (const seat of cast.all) world.plan(dice.between(0, 100), () => seat.process ?? seat.begin());
  hands.plan();
  world.plan(scenario.calmMs, () => hands.calm());
  const afterStep = () => {
    inspector.afterStep();
    hands.afterStep();
  };
  await act(stage, cast, afterStep);
  if (world.violation === undefined) await inspector.atTheEnd();
  for (const seat of cast.all) seat.process?.kill();
  return {
    seed,
    violation: world.violation && { invariant: world.violation.invariant, problem: world.violation.message },
    steps: world.steps,
    tasks: checker.model.tasks.size,
    rows: checker.model.seq,
    terms: checker.rule.terms,
    virtualMs: world.nowMs,
    faults: { ...hands.counts, ...network.counts, ...disk.counts },
    transcript: world.transcript.toString(),
  };
}

interface Cast {
  readonly coordinators: readonly CoordinatorSeat[];
  readonly clients: readonly ClientSeat[];
  readonly all: readonly Seat[];
}

function castOf(stage: Stage): Cast {
  const { scenario } = stage;
  const names = Array.from({ length: scenario.coordinators }, (_, nth) => `k${nth + 1}`);
  const coordinators = names.map((name) => new CoordinatorSeat(name, stage));
  const agents = scenario.agents.map((plan) => new AgentSeat(plan, stage));
  const clients = scenario.clients.map(({ id, errands }) => new ClientSeat(id, errands, stage));
  const operator = new ClientSeat('operator', repairs(scenario), stage);
  const impostors = scenario.hasImpostor ? [new ImpostorSeat(IMPOSTOR, stage)] : [];
  return { coordinators, clients, all: [...coordinators, ...agents, ...clients, operator, ...impostors] };
}

/** Whoever was shut out comes back when all is calm, and whoever does not work goes. */
function repairs({ agents, hasImpostor, calmMs }: Scenario): Errand[] {
  // Twice: what a client asked for before may be carried out in between.
  return [calmMs + 1, calmMs + 2 * PATIENCE_MS].flatMap((atMs) => [
    ...agents.map(({ id }): Errand => ({ atMs, kind: 'uncordon', agentId: id })),
    ...(hasImpostor ? [{ atMs, kind: 'deregister', agentId: IMPOSTOR } as const] : []),
  ]);
}

/** Until all have what they waited for; what has not ended by then never will. */
async function act(stage: Stage, { clients }: Cast, afterStep: () => void): Promise<void> {
  const { world, scenario, checker } = stage;
  const untilMs = scenario.calmMs + LIVENESS_MS;
  const isDone = () => stage.isCalm && clients.every((client) => client.isDone) && i16(checker) === undefined;
  await world.run(untilMs, isDone, afterStep);
  if (world.violation !== undefined) return;
  if (!isDone()) {
    const waiting = clients.filter((client) => !client.isDone).map(({ name, waitsFor }) => `${name}: ${waitsFor}`);
    const open = i16(checker) ?? 'all tasks have ended';
    return world.fail('I16', `after ${LIVENESS_MS / 1_000} s of calm: ${open}; ${waiting.join('; ')}`);
  }
  await world.run(world.nowMs + scenario.lingerMs, () => false, afterStep);
}
