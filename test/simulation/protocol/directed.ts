/**
 * Schedules written by hand for rules whose absence chance shows only once in thousands of seeds.
 * Each must pass with the real rules and be noticed with its plant.
 */
import type { RegionId } from '../../../shared/core/region.ts';
import type { PlantName } from '../plants.ts';
import type { Region } from './region.ts';
import { faultyTicks, linkOf, prepareOf, World, type WorldOptions } from './world.ts';

type Directed = (options: Pick<WorldOptions, 'seed' | 'totals' | 'rules' | 'trace'>) => void;

export const directedSchedules: Partial<Record<PlantName, Directed>> = {
  nocas: (options) => {
    removeTwiceOnOneVersion(new Stage(options));
  },
  lateattempt: (options) => {
    forceTooLate(new Stage(options));
  },
  unsynced: (options) => {
    losePower(new Stage(options));
  },
};

/** Three regions, K 1, no faults but those of the schedule. */
class Stage {
  readonly world: World;

  constructor(options: Pick<WorldOptions, 'seed' | 'totals' | 'rules' | 'trace'>) {
    this.world = new World({ ...options, regionCount: 3, k: 1 });
    // In the calm, nobody changes members or the primary without a reason.
    this.world.tick = faultyTicks;
  }

  region(index: number): Region {
    return this.world.regionNamed(`r${index}` as RegionId);
  }

  /** Gives every region that is up a turn until `isReached`; false when it never is. */
  until(isReached: () => boolean, ticksMax = 6000): boolean {
    for (let left = ticksMax; left > 0; left -= 1) {
      if (isReached()) return true;
      this.world.tick += 1;
      this.world.step(this.world.draw.pick(this.world.regions));
    }
    return false;
  }

  /** Until `count` more writes are confirmed. */
  confirmMore(count: number): boolean {
    const goal = this.world.ledger.confirmedCount + count;
    return this.until(() => this.world.ledger.confirmedCount >= goal);
  }

  hasMembers(...indices: readonly number[]): boolean {
    const leader = this.world.regions.find(({ leads }) => leads !== 0);
    const names = leader?.fold.state.members.map(({ region }) => region) ?? [];
    return (
      indices.length === names.length && indices.every((n) => names.includes(this.region(n).id))
    );
  }

  cutBetween(one: number, other: number): void {
    this.world.cutLinks.add(linkOf(this.region(one), this.region(other)));
    this.world.cutLinks.add(linkOf(this.region(other), this.region(one)));
  }

  /** Everything works again; strong reads then show what is left. */
  heal(): void {
    const { world } = this;
    world.cutLinks.clear();
    world.cutControl.clear();
    for (const region of world.regions.filter(({ isUp }) => !isUp)) {
      region.isUp = true;
      region.restart(world.tick);
    }
    const goal = world.totals.of('strong reads') + 20;
    this.until(() => world.totals.of('strong reads') >= goal);
  }
}

/**
 * The removal of one member is long on its way; the primary forgets it, removes the other member
 * and confirms writes with the first alone. Then the first removal arrives.
 */
function removeTwiceOnOneVersion(stage: Stage): void {
  const { world } = stage;
  const [primary, first, second] = [stage.region(0), stage.region(1), stage.region(2)];
  stage.until(() => stage.hasMembers(1, 2) && world.ledger.confirmedCount > 5);
  primary.removing = first.id;
  primary.slowControlUntil = world.tick + 2000;
  const isRemoval = (record: { readonly kind: string }): boolean => record.kind === 'member';
  stage.until(() => world.topic.hasUnderWay(isRemoval));
  primary.slowControlUntil = 0;
  primary.restart(world.tick);
  stage.until(() => primary.leads !== 0 && primary.acks.size === 2);
  primary.removing = second.id;
  stage.until(() => stage.hasMembers(1));
  stage.cutBetween(0, 2);
  stage.confirmMore(10);
  stage.until(() => !world.topic.hasUnderWay(isRemoval));
  primary.isUp = first.isUp = false;
  stage.until(() => second.leads !== 0, 2000);
  stage.heal();
}

/**
 * A person is shown one seal and forces that region; the record is long on its way. Meanwhile
 * another attempt is made and a second region seals, which holds more.
 */
function forceTooLate(stage: Stage): void {
  const { world } = stage;
  const [primary, ahead, behind] = [stage.region(0), stage.region(1), stage.region(2)];
  stage.until(() => stage.hasMembers(1, 2) && world.ledger.confirmedCount > 5);
  stage.cutBetween(0, 2);
  stage.confirmMore(10);
  primary.isUp = ahead.isUp = false;
  stage.until(() => behind.fold.state.prepare?.seals.length === 1);
  const { prepare, epoch } = behind.fold.state;
  if (prepare === null) return;
  const seals = prepare.seals.map(({ region, position }) => ({ region, position }));
  const attempt = prepareOf(epoch + 1, { attempt: prepare.attempt + 1, preferred: behind.id });
  const force = { acceptDataLoss: true, seals } as const;
  world.topic.appendLate({ ...attempt, force }, world.tick + 300);
  world.topic.append({ ...attempt, preferred: primary.id });
  ahead.isUp = true;
  ahead.restart(world.tick);
  stage.until(() => behind.fold.state.epoch > epoch, 600);
  stage.heal();
}

/**
 * Another region has just become primary when the brokers lose power and its own host is gone. The
 * old primary and the third region come back, with no newer checkpoint than from before the change.
 */
function losePower(stage: Stage): void {
  const { world } = stage;
  const [old, next, third] = [stage.region(0), stage.region(1), stage.region(2)];
  stage.until(() => stage.hasMembers(1, 2) && world.ledger.confirmedCount > 5);
  const { length } = world.topic;
  stage.until(() => third.fold.offset >= length && old.fold.offset >= length);
  const { state, offset } = third.fold;
  const isKept = world.rules.leftOut !== 'unsynced';
  const before = world.topic.length;
  old.isUp = false;
  stage.until(() => next.leads !== 0 || third.leads !== 0, 3000);
  const opener = next.leads === 0 ? third : next;
  const epochs = world.totals.of('epochs');
  world.topic.losePower(isKept ? world.topic.length : before);
  third.checkpoints = [{ state, offset }];
  for (const region of world.regions) {
    region.isUp = region !== opener;
    if (region.isUp) region.restart(world.tick);
  }
  stage.until(() => world.totals.of('epochs') > epochs, 3000);
  stage.heal();
}
