/** Short ways to write control records and to fold lists of them. */
import { foldControl } from '../../shared/core/control/control-fold.ts';
import type {
  ControlRecord,
  Policy,
  SealRecord,
} from '../../shared/core/control/control-record.ts';
import {
  initialControlState,
  type ControlState,
  type FoldOutcome,
} from '../../shared/core/control/control-state.ts';
import type { Epoch } from '../../shared/core/epoch.ts';
import { parsePosition, type Position } from '../../shared/core/position.ts';
import type { RegionId } from '../../shared/core/region.ts';

export const [eu, us, ap] = ['eu-west', 'us-east', 'ap-south'] as [RegionId, RegionId, RegionId];

/** The position written as `<epoch>:<X/X>`. */
export function at(text: string): Position {
  const position = parsePosition(text);
  if (position === null) throw new Error(`no position: ${text}`);
  return position;
}

export const policyOfThree: Policy = {
  version: 1,
  clusterId: '00000000-0000-4000-8000-000000000001',
  regions: [eu, us, ap],
  priority: [eu, us, ap],
  k: 1,
  ttlMs: 5000,
  marginMs: 250,
  rules: 1,
};

type Partly<R extends ControlRecord> = Partial<Omit<R, 'kind' | 'epoch'>>;

export const record = {
  policy: (changes: Partial<Policy> = {}): ControlRecord => ({
    kind: 'policy',
    policy: { ...policyOfThree, ...changes },
  }),
  hello: (region: RegionId, maxRules = 1): ControlRecord => ({
    kind: 'hello',
    region,
    incarnation: `${region}-1`,
    maxRules,
    node: null,
  }),
  prepare: (
    epoch: number,
    changes: Partly<Extract<ControlRecord, { kind: 'prepare' }>> = {},
  ): ControlRecord => ({
    kind: 'prepare',
    epoch: epoch as Epoch,
    attempt: 1,
    change: 'failover',
    preferred: null,
    force: null,
    operation: null,
    ...changes,
  }),
  seal: (
    epoch: number,
    region: RegionId,
    changes: Partly<SealRecord> & { readonly at?: string } = {},
  ): SealRecord => {
    const { at: text, ...others } = changes;
    return {
      kind: 'seal',
      epoch: epoch as Epoch,
      region,
      store: `${region}-store`,
      position: at(text ?? '0:0/0'),
      final: false,
      confirmed: null,
      ...others,
    };
  },
  renew: (epoch: number, region: RegionId, seq = 1): ControlRecord => ({
    kind: 'renew',
    epoch: epoch as Epoch,
    region,
    incarnation: `${region}-1`,
    seq,
  }),
  member: (
    epoch: number,
    region: RegionId,
    changes: Partly<Extract<ControlRecord, { kind: 'member' }>> = {},
  ): ControlRecord => ({
    kind: 'member',
    epoch: epoch as Epoch,
    version: 0,
    action: 'add',
    region,
    store: `${region}-store`,
    ...changes,
  }),
  degrade: (epoch: number, version: number, k: number): ControlRecord => ({
    kind: 'degrade',
    epoch: epoch as Epoch,
    version,
    k,
  }),
};

/** Folds `records` from `state` on; the outcomes in order. */
export function foldAll(
  records: readonly ControlRecord[],
  from: ControlState = initialControlState,
): { readonly state: ControlState; readonly outcomes: readonly FoldOutcome[] } {
  let state = from;
  const outcomes: FoldOutcome[] = [];
  for (const next of records) {
    const folded = foldControl(state, next);
    state = folded.state;
    outcomes.push(folded.outcome);
  }
  return { state, outcomes };
}

/** Epoch 1 open in eu-west, the regions given as members. */
export function inEpochOne(
  members: readonly RegionId[],
  policy: Partial<Policy> = {},
): ControlState {
  const opening = [
    record.policy(policy),
    ...[eu, us, ap].map((region) => record.hello(region)),
    record.prepare(1, { preferred: eu }),
    record.seal(1, eu),
    ...members.map((region, version) => record.member(1, region, { version })),
  ];
  return foldAll(opening).state;
}
