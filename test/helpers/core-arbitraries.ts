/** Generated values of the core's types, and control logs that are plausible enough to go far. */
import fc from 'fast-check';
import { foldControl } from '../../shared/core/control/control-fold.ts';
import type { ControlRecord, Force } from '../../shared/core/control/control-record.ts';
import { initialControlState, type ControlState } from '../../shared/core/control/control-state.ts';
import type { Epoch } from '../../shared/core/epoch.ts';
import type { Lsn } from '../../shared/core/lsn.ts';
import type { NodeId } from '../../shared/core/node.ts';
import type { Position } from '../../shared/core/position.ts';
import type { RegionId } from '../../shared/core/region.ts';
import { ap, eu, policyOfThree, us } from './control-records.ts';

function plain<T>(model: { [Key in keyof T]: fc.Arbitrary<T[Key]> }): fc.Arbitrary<T> {
  return fc.record<T>(model, { noNullPrototype: true });
}

export const lsn = fc.bigInt({ min: 0n, max: (1n << 64n) - 1n }).map((value) => value as Lsn);
export const epoch = fc.integer({ min: 0, max: 2 ** 31 - 1 }).map((value) => value as Epoch);
export const position: fc.Arbitrary<Position> = plain({ epoch, endLsn: lsn });

/** Positions of which many are equal or next to each other. */
export const fewPositions: fc.Arbitrary<Position> = plain({
  epoch: fc.integer({ min: 0, max: 3 }).map((value) => value as Epoch),
  endLsn: fc.bigInt({ min: 0n, max: 5n }).map((value) => value as Lsn),
});

export const region = fc
  .stringMatching(/^[a-z][a-z0-9-]{0,30}[a-z0-9]$/)
  .map((text) => text as RegionId);
const ourRegion = fc.constantFrom(eu, us, ap);
const count = fc.maxSafeNat();

const operation = plain({ id: fc.string(), by: fc.string(), reason: fc.string(), atMs: count });
const force = plain({
  acceptDataLoss: fc.constant(true as const),
  seals: fc.array(plain({ region, position }), { maxLength: 4 }),
});

/** Any record that has a written form, mostly one that the fold would call void. */
export const controlRecord: fc.Arbitrary<ControlRecord> = fc.oneof(
  plain({
    kind: fc.constant('policy' as const),
    policy: plain({
      version: count,
      clusterId: fc.uuid(),
      regions: fc.array(region, { maxLength: 4 }),
      priority: fc.array(region, { maxLength: 4 }),
      k: count,
      ttlMs: count,
      marginMs: count,
      rules: count,
    }),
  }),
  plain({
    kind: fc.constant('hello' as const),
    region,
    incarnation: fc.string(),
    maxRules: count,
    node: fc.option(region.map((name) => `${name}/pg-1` as NodeId)),
  }),
  plain({
    kind: fc.constant('renew' as const),
    epoch,
    region,
    incarnation: fc.string(),
    seq: count,
  }),
  plain({
    kind: fc.constant('prepare' as const),
    epoch,
    attempt: count,
    change: fc.constantFrom('failover' as const, 'switchover' as const),
    preferred: fc.option(region),
    force: fc.option(force),
    operation: fc.option(operation),
  }),
  plain({
    kind: fc.constant('seal' as const),
    epoch,
    region,
    store: fc.string(),
    position,
    final: fc.boolean(),
    confirmed: fc.option(position),
  }),
  plain({
    kind: fc.constant('member' as const),
    epoch,
    version: count,
    action: fc.constantFrom('add' as const, 'remove' as const),
    region,
    store: fc.string(),
  }),
  plain({ kind: fc.constant('degrade' as const), epoch, version: count, k: count }),
  plain({
    kind: fc.constant('region' as const),
    version: count,
    action: fc.constantFrom('add' as const, 'remove' as const),
    region,
    operation,
  }),
  plain({
    kind: fc.constant('traffic' as const),
    region,
    isAccepting: fc.boolean(),
    operation: fc.option(operation),
  }),
  plain({
    kind: fc.constant('revoke' as const),
    revocation: plain({
      tokenId: fc.option(fc.string()),
      subject: fc.option(fc.string()),
      issuedBeforeMs: count,
      untilMs: count,
    }),
    atMs: count,
    operation,
  }),
  plain({
    kind: fc.constant('audit' as const),
    verb: fc.constant('discard' as const),
    region,
    epoch,
    operation,
  }),
  plain({
    kind: fc.constant('note' as const),
    epoch,
    region,
    note: fc.oneof(
      plain({ about: fc.constant('opened' as const), pauseMs: count }),
      plain({
        about: fc.constant('tail' as const),
        transactions: count,
        rows: count,
        mayBeConfirmed: fc.boolean(),
        isListed: fc.boolean(),
      }),
    ),
  }),
  plain({
    kind: fc.constant('pause' as const),
    durationMs: count,
    operation: fc.option(operation),
  }),
);

/** What happens next in a plausible log, before the state says which epoch and version that is. */
interface Choice {
  readonly what: 'prepare' | 'seal' | 'member' | 'degrade' | 'renew' | 'hello' | 'policy';
  readonly region: RegionId;
  readonly other: RegionId;
  readonly isOdd: boolean;
  readonly flag: boolean;
  readonly place: Position;
  readonly number: number;
}

const choice: fc.Arbitrary<Choice> = plain({
  what: fc.constantFrom(
    ...(['prepare', 'seal', 'seal', 'member', 'degrade', 'renew', 'hello', 'policy'] as const),
  ),
  region: ourRegion,
  other: ourRegion,
  isOdd: fc.boolean().chain((odd) => (odd ? fc.boolean() : fc.constant(false))),
  flag: fc.boolean(),
  place: fewPositions,
  number: fc.integer({ min: 0, max: 2 }),
});

/** A log in which most records meet their conditions and a quarter does not. */
export const plausibleHistory: fc.Arbitrary<readonly ControlRecord[]> = fc
  .array(choice, { maxLength: 40 })
  .map((choices) => {
    const records: ControlRecord[] = [];
    let state: ControlState = initialControlState;
    const add = (record: ControlRecord): void => {
      records.push(record);
      state = foldControl(state, record).state;
    };
    add({ kind: 'policy', policy: policyOfThree });
    for (const next of choices) add(recordOf(next, state));
    return records;
  });

function recordOf(next: Choice, state: ControlState): ControlRecord {
  const shift = next.isOdd ? next.number - 1 : 0;
  const current = (state.epoch + Math.max(shift, -state.epoch)) as Epoch;
  const following = (current + 1) as Epoch;
  const version = state.version + Math.max(shift, -state.version);
  switch (next.what) {
    case 'prepare': {
      const isForced = next.flag && next.other === us && state.prepare !== null;
      return {
        kind: 'prepare',
        epoch: following,
        attempt: (state.prepare?.attempt ?? 0) + 1 + Math.max(0, shift),
        change: next.flag || state.epoch === 0 ? 'failover' : 'switchover',
        preferred: state.epoch === 0 ? eu : next.other === ap && !isForced ? null : next.region,
        force: isForced ? { acceptDataLoss: true, seals: shownSeals(state) } : null,
        operation: null,
      };
    }
    case 'seal':
      return {
        kind: 'seal',
        epoch: following,
        region: next.region,
        store: `${next.region}-${next.isOdd ? next.number : 0}`,
        position: next.place,
        final: next.flag && next.region === state.primary,
        confirmed: next.number === 0 ? null : next.place,
      };
    case 'member':
      return {
        kind: 'member',
        epoch: current,
        version,
        action: next.flag ? 'add' : 'remove',
        region: next.region,
        store: `${next.region}-0`,
      };
    case 'degrade':
      return { kind: 'degrade', epoch: current, version, k: next.number };
    case 'renew':
      return { kind: 'renew', epoch: current, region: next.region, incarnation: 'i', seq: 1 };
    case 'hello':
      return {
        kind: 'hello',
        region: next.region,
        incarnation: 'i',
        maxRules: 1 + next.number,
        node: null,
      };
    case 'policy':
      return {
        kind: 'policy',
        policy: {
          ...policyOfThree,
          version: (state.policy?.version ?? 0) + 1 + Math.max(0, shift),
          k: 1 + (next.number % 2),
          rules: next.isOdd ? 2 : (state.policy?.rules ?? 1),
        },
      };
  }
}

function shownSeals(state: ControlState): Force['seals'] {
  return (state.prepare?.seals ?? []).map((seal) => ({
    region: seal.region,
    position: seal.position,
  }));
}
