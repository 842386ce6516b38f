/**
 * What a surviving region's fold becomes when the control log is gone for good (DESIGN.md section
 * 5): as after a forced promotion of this region in an epoch that nobody can have used, with the
 * next one prepared for it. From there everything goes its usual way.
 */
import type { OperationLabel, Policy } from '../../../../shared/core/control/control-record.ts';
import {
  initialControlState,
  type ControlState,
  type Promotion,
} from '../../../../shared/core/control/control-state.ts';
import { nextEpoch, noEpoch, type Epoch } from '../../../../shared/core/epoch.ts';
import type { Lsn } from '../../../../shared/core/lsn.ts';
import { formatPosition, type Position } from '../../../../shared/core/position.ts';
import type { RegionId } from '../../../../shared/core/region.ts';

/** What the region's own node holds. */
export interface SurvivingData {
  readonly region: RegionId;
  readonly checkpoint: ControlState | null;
  /** The progress row; null when the node never followed anybody. */
  readonly progress: Position | null;
  readonly sealedEpoch: number;
  /** 0 unless the node was primary and never rejoined. */
  readonly lastOpenedEpoch: number;
  readonly walEnd: Lsn;
}

/** The lost regions may have promised, and opened, epochs that this one never heard of. */
const epochJump = 1000;

/** Where the region's history ends: an old primary's is its own WAL, else what it applied. */
export function survivingPosition(data: SurvivingData): Position | null {
  const { lastOpenedEpoch, walEnd, progress } = data;
  return lastOpenedEpoch > 0 ? { epoch: lastOpenedEpoch as Epoch, endLsn: walEnd } : progress;
}

/** The epoch that the rescue takes for itself; the region opens in the one after it. */
export function rescueEpoch({ checkpoint, ...data }: SurvivingData): Epoch {
  const epochs = [
    checkpoint?.epoch ?? noEpoch,
    checkpoint?.prepare?.epoch ?? noEpoch,
    data.progress?.epoch ?? noEpoch,
    data.sealedEpoch,
    data.lastOpenedEpoch,
  ];
  return (Math.max(...epochs) + epochJump) as Epoch;
}

/** The fold to go on from, at the first offset of a new control log. */
export function rescuedState(
  data: SurvivingData,
  position: Position,
  { policy, operation }: { readonly policy: Policy; readonly operation: OperationLabel },
): ControlState {
  const before = data.checkpoint ?? initialControlState;
  const { region } = data;
  const epoch = rescueEpoch(data);
  const promotion: Promotion = {
    epoch,
    cut: position,
    to: region,
    store: '',
    from: before.primary,
    source: region,
    safe: position,
    change: 'failover',
    attempt: 1,
    isForced: true,
    isQuick: false,
    operation,
    why:
      'rescued by a person: the control log was lost; ' +
      `${region} goes on at ${formatPosition(position)}`,
  };
  return {
    ...before,
    policy,
    epoch,
    primary: region,
    members: [],
    version: 0,
    k: policy.k,
    kLow: Math.max(1, policy.k),
    prepare: {
      epoch: nextEpoch(epoch),
      attempt: 1,
      change: 'failover',
      preferred: region,
      force: null,
      operation,
      members: [],
      oldPrimary: null,
      seals: [],
    },
    history: [...before.history, promotion],
    hellos: [],
    pause: null,
    drained: [],
  };
}
