/**
 * Schedules written by hand for whole controllers, for rules whose absence chance shows too rarely.
 * Three regions, K 1, no faults but those of the schedule. Each must pass with the shipped rules
 * and be noticed with its plant; what it draws differs from seed to seed.
 */
import { isAtOrPast } from '../../../shared/core/position.ts';
import type { PlantName } from '../plants.ts';
import { hold } from '../violation.ts';
import type { SimRegion } from './sim-region.ts';
import { isPast } from './transaction.ts';
import { World, type WorldOptions } from './world.ts';

type Options = Pick<WorldOptions, 'seed' | 'totals' | 'rules' | 'trace'>;

export const controllerSchedules: Partial<Record<PlantName, (options: Options) => void>> = {
  forget: (options) => {
    removeAfterRestart(new Stage(options));
  },
  final: (options) => {
    promoteWhatIsBehind(new Stage(options));
  },
  nohello: (options) => {
    startOnOldCheckpoint(new Stage(options));
  },
};

class Stage {
  readonly world: World;
  /** The primary of the first epoch, and two members. */
  readonly alpha: SimRegion;
  readonly bravo: SimRegion;
  readonly charlie: SimRegion;

  constructor(options: Options) {
    this.world = new World({ ...options, regionCount: 3, k: 1 });
    this.world.faults.areDirected = true;
    const [alpha, bravo, charlie] = this.world.regions;
    if (alpha === undefined || bravo === undefined || charlie === undefined) {
      throw new Error('too few regions');
    }
    this.alpha = alpha;
    this.bravo = bravo;
    this.charlie = charlie;
    const hasBegun = this.until(() => this.hasMembers(bravo, charlie) && this.confirmed > 5);
    hold(hasBegun, () => 'the schedule never begins');
  }

  get confirmed(): number {
    return this.world.ledger.confirmedCount;
  }

  /** Turns until `isReached`; false when it is not in so many. */
  until(isReached: () => boolean, turnsMax = 6000): boolean {
    for (let left = turnsMax; left > 0; left -= 1) {
      if (isReached()) return true;
      this.world.advance();
    }
    return false;
  }

  confirmMore(count: number, turnsMax?: number): boolean {
    const goal = this.confirmed + count;
    return this.until(() => this.confirmed >= goal, turnsMax);
  }

  /** Whether alpha has read that these are the members. */
  hasMembers(...members: readonly SimRegion[]): boolean {
    const names = this.alpha.state.fold.members.map(({ region }) => region);
    return names.length === members.length && members.every(({ id }) => names.includes(id));
  }

  /** Everything works again: the regions are live, and strong reads show what is left. */
  heal(): void {
    const { world } = this;
    world.faults.heal();
    while (world.regions.some(({ isUp }) => !isUp)) world.faults.heal();
    const goal = world.totals.of('strong reads') + 20;
    const isLive = this.until(() => world.totals.of('strong reads') >= goal) && this.confirmMore(5);
    hold(isLive, () => 'not live again after the schedule');
  }
}

/**
 * The primary starts anew while one member holds what was confirmed and cannot be reached, and the
 * other is behind: the first is silent, and may not be removed.
 */
function removeAfterRestart(stage: Stage): void {
  const { world, alpha, bravo, charlie } = stage;
  charlie.speed = 0;
  stage.confirmMore(10);
  world.faults.cutBetween(alpha, bravo);
  alpha.startProcess();
  stage.until(() => stage.hasMembers(charlie), 600);
  alpha.isUp = false;
  stage.until(() => charlie.view?.isOpen === true, 600);
  stage.heal();
}

/**
 * The primary's log stalls while its records are confirmed by one member; then its node is lost,
 * and so is that member. The promoted standby lacks the end: its seal may not decide alone.
 */
function promoteWhatIsBehind(stage: Stage): void {
  const { world, alpha, bravo, charlie } = stage;
  world.faults.cutBetween(alpha, charlie);
  alpha.stalledLogUntilMs = Infinity;
  stage.confirmMore(3);
  // It stands where the log ends.
  const end = alpha.log.end();
  alpha.node.standbyLag = alpha.node.db.filter(({ position }) => isPast(position, end)).length;
  alpha.node.lose();
  bravo.isUp = false;
  alpha.stalledLogUntilMs = 0;
  const { epoch } = alpha.state.fold;
  stage.until(() => world.regions.some(({ state }) => state.fold.epoch > epoch), 600);
  stage.until(() => world.regions.some(({ view }) => view?.isOpen === true), 600);
  stage.heal();
}

/**
 * One of two members is removed, and the other confirms. Then the primary's controller starts from
 * a checkpoint of before that, and reaches the removed region but not the control log.
 */
function startOnOldCheckpoint(stage: Stage): void {
  const { world, alpha, bravo, charlie } = stage;
  stage.until(() => alpha.node.checkpoint?.state.members.length === 2);
  const { checkpoint } = alpha.node;
  world.faults.cutBetween(alpha, bravo);
  stage.until(() => stage.hasMembers(charlie));
  stage.confirmMore(3);
  // Nobody reads or writes the control log: the removed one catches up and is not added again.
  for (const region of world.regions) world.faults.cutControl(region);
  world.faults.mendBetween(alpha, bravo);
  stage.until(() => isAtOrPast(bravo.node.applied(), alpha.node.position()), 1500);
  world.faults.cutBetween(alpha, charlie);
  alpha.node.checkpoint = checkpoint;
  alpha.startProcess();
  stage.confirmMore(1, 400);
  world.faults.heal();
  alpha.isUp = false;
  stage.until(() => charlie.view?.isOpen === true, 600);
  stage.heal();
}
