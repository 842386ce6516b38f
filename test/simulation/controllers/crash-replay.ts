/**
 * Crash replay: one history without other faults (boot, a planned switchover, a primary that
 * freezes, a lost node), and the process of a region, or its PostgreSQL, dies right before or right
 * after the n-th effect. Restarted from what was stored, everything must converge: for each n.
 */
import type { Effect } from '../../../services/failover/core/controller-effect.ts';
import type { Totals } from '../totals.ts';
import { Violation } from '../violation.ts';
import type { SimRegion } from './sim-region.ts';
import { World } from './world.ts';

/** Turns that a stage may take: about ten minutes of the simulated clock. */
const turnsMax = 12_000;
/** All histories are the same but for the crash. */
const drawSeed = 1;

export interface CrashReplay {
  /** Names the crash: four of them for each effect. */
  readonly seed: number;
  readonly totals: Totals;
  readonly trace?: (line: string) => void;
}

/** Runs the history with the crash of `seed`; false when it has no such effect any more. */
export function replayCrash({ seed, ...options }: CrashReplay): boolean {
  const number = Math.floor(seed / 4);
  const moment = seed % 2 === 0 ? 'before' : 'after';
  const victim = seed % 4 < 2 ? 'process' : 'server';
  let count = 0;
  let hasCrashed = false;
  const crashAt = (region: SimRegion, effect: Effect, now: 'before' | 'after'): boolean => {
    if (isRenewal(effect) || now !== moment) return false;
    const isTheOne = count === number;
    count += 1;
    if (!isTheOne) return false;
    hasCrashed = true;
    options.trace?.(`${region.id}: its ${victim} crashes ${moment} ${effect.kind}`);
    options.totals.count('crashes');
    if (victim === 'server' && region.node.isRunning) region.node.restart();
    return victim === 'process';
  };
  const world = new World({ ...options, seed: drawSeed, regionCount: 3, k: 1, crashAt });
  world.isCalm = true;
  playHistory(world);
  return hasCrashed;
}

function playHistory(world: World): void {
  const [first, second] = world.regions;
  if (first === undefined || second === undefined) throw new Error('too few regions');
  confirmMore(world, 'after the boot');
  switchOver(world, second);
  confirmMore(world, 'after the switchover');
  second.pausedUntilMs = world.nowMs + 4 * world.policy.ttlMs;
  until(world, 'a failover', () => world.regions.some((one) => isOpenBeyond(one, second)));
  confirmMore(world, 'after the failover');
  until(world, 'everybody a member again', () => {
    const primary = world.regions.find((one) => one.view?.isOpen === true);
    return primary?.state.fold.members.length === world.regions.length - 1;
  });
  loseNode(world);
}

/** The primary's node is lost: its standby takes over, and what the node alone held is listed. */
function loseNode(world: World): void {
  const found = (): SimRegion | undefined =>
    world.regions.find(({ view, node }) => isOpen(view) && hasStandby(node));
  until(world, 'a primary with a standby', () => found() !== undefined);
  const node = found()?.node;
  if (node === undefined) return;
  node.lose();
  until(world, 'another node', () => node.standby !== 'ready');
  until(world, 'the old node as a standby', () => hasStandby(node) && node.old === null);
  confirmMore(world, 'after the loss of a node');
}

function isOpen(view: SimRegion['view']): boolean {
  return view?.isOpen === true;
}

function hasStandby({ standby }: SimRegion['node']): boolean {
  return standby === 'ready';
}

/** Asked again and again, as a person would, until it has happened. */
function switchOver(world: World, to: SimRegion): void {
  until(world, `a switchover to ${to.id}`, (turn) => {
    if (to.view?.isOpen === true) return true;
    const operation = { id: 'op-1', by: 'ann', reason: 'crash replay', atMs: 0 };
    const change = { kind: 'change', change: 'switchover', force: false } as const;
    const request = { ...change, to: to.id, acceptDataLoss: false, operation };
    if (turn % 100 === 0) {
      to.post({ kind: 'operatorAsked', requestId: `${turn}`, request });
    }
    return false;
  });
}

function isOpenBeyond(region: SimRegion, old: SimRegion): boolean {
  return region !== old && region.view?.isOpen === true;
}

function confirmMore(world: World, when: string): void {
  const goal = world.ledger.confirmedCount + 5;
  until(world, `writes ${when}`, () => world.ledger.confirmedCount >= goal);
}

function until(world: World, what: string, isReached: (turn: number) => boolean): void {
  for (let turn = 0; turn < turnsMax; turn += 1) {
    if (isReached(turn)) return;
    world.advance();
  }
  const states = world.regions.map(
    ({ id, state }) => `${id} ${state.role} (${state.why}), epoch ${state.fold.epoch}`,
  );
  throw new Violation(`no ${what}: ${states.join('; ')}`);
}

/** Renewals are many and all alike. */
function isRenewal(effect: Effect): boolean {
  return effect.kind === 'appendControl' && effect.record.kind === 'renew';
}
