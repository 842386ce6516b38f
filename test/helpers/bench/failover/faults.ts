/** The changes of primary that are measured: planned, a lost node, a lost region. */
import type { Nemesis } from '../../../fault/run/nemesis.ts';
import { eventually } from '../../eventually.ts';
import type { Goal } from '../figure.ts';
import { readPhases, type Phases } from './phases.ts';
import type { MeasuredRun } from './run-store.ts';
import { WriteLoop } from './write-loop.ts';

export interface Fault {
  readonly kind: string;
  readonly what: string;
  readonly goals: { readonly p50?: Goal; readonly p95?: Goal; readonly failed?: Goal };
  readonly run: (nemesis: Nemesis) => Promise<Omit<MeasuredRun, 'kind' | 'isWan'>>;
}

const atMost = (most: number): Goal => ({ of: 'value', atMost: most });
/** Writes go on for so long after the first confirmed one, so that a second pause is seen. */
const afterMs = 2000;
const frozenMs = 20_000;

export const faults: readonly Fault[] = [
  {
    kind: 'switchover',
    what: 'switchover: write pause',
    goals: { p95: atMost(1000), failed: atMost(0) },
    run: switchover,
  },
  {
    kind: 'region',
    what: 'region killed: first confirmed write elsewhere',
    goals: { p50: atMost(8000), p95: atMost(10_000) },
    run: regionLoss,
  },
  {
    kind: 'node',
    what: 'node lost: write pause',
    goals: { p95: atMost(10_000) },
    run: nodeLoss,
  },
];

async function switchover(nemesis: Nemesis): ReturnType<Fault['run']> {
  const { primary } = await nemesis.view();
  const to = nemesis.others(primary)[0] ?? '';
  return measure(nemesis, {
    regions: nemesis.regions,
    act: async () => void (await nemesis.switchover(primary, { to })),
    heal: () => Promise.resolve(performance.now()),
    pauseOf: (loop) => loop.longestGapMs(),
  });
}

/** A server that is killed is started again at once: one that does not answer is lost. */
async function nodeLoss(nemesis: Nemesis): ReturnType<Fault['run']> {
  const { primary } = await nemesis.view();
  const node = await nemesis.leadingNode(primary);
  let thawed: Promise<void> = Promise.resolve();
  return measure(nemesis, {
    regions: nemesis.regions,
    act: () => {
      thawed = nemesis.freeze(primary, [node], frozenMs).catch(() => undefined);
      return Promise.resolve();
    },
    heal: () => thawed.then(() => performance.now()),
    pauseOf: (loop) => loop.longestGapMs(),
  });
}

async function regionLoss(nemesis: Nemesis): ReturnType<Fault['run']> {
  const { primary } = await nemesis.view();
  return measure(nemesis, {
    regions: nemesis.others(primary),
    act: () => nemesis.killRegion(primary),
    heal: async () => {
      const startedMs = performance.now();
      await nemesis.restart();
      return startedMs;
    },
    pauseOf: (loop, sinceMs) => (loop.firstConfirmedMs(sinceMs) ?? NaN) - sinceMs,
  });
}

interface Measurement {
  /** Whose gateways clients write through. */
  readonly regions: readonly string[];
  readonly act: () => Promise<void>;
  /** Resolves with the moment from which what was lost can come back. */
  readonly heal: () => Promise<number>;
  readonly pauseOf: (loop: WriteLoop, sinceMs: number) => number;
}

async function measure(nemesis: Nemesis, wanted: Measurement): ReturnType<Fault['run']> {
  const { cluster } = nemesis;
  const { epoch } = await nemesis.view();
  const loop = await WriteLoop.start(cluster, wanted.regions);
  try {
    await wanted.act();
    // The act is over: until then somebody may still have been primary.
    const [sinceMs, sinceWallMs] = [performance.now(), Date.now()];
    const view = await nemesis.promoted(epoch);
    const change = { epoch: view.epoch, sinceWallMs };
    const phases = (): Phases => readPhases(cluster, wanted.regions, change);
    const wait = { deadlineMs: 60_000, intervalMs: 100 };
    const opened = await eventually(() => phases().opened ?? null, wait);
    const isOver = (): boolean => loop.firstConfirmedMs(sinceMs + opened) !== null;
    await eventually(isOver, { deadlineMs: 60_000 });
    await nemesis.wait(afterMs);
    await loop.end();
    const reached = phases();
    const counts = { refused: loop.count('refused'), unknown: loop.count('unknown') };
    const healedMs = await wanted.heal();
    await nemesis.settled();
    const rejoinMs = Math.round(performance.now() - healedMs);
    return {
      pauseMs: Math.round(wanted.pauseOf(loop, sinceMs)),
      ...counts,
      rejoinMs,
      phases: reached,
      losses: loop.lossesText(sinceMs),
    };
  } finally {
    await loop.end();
  }
}
