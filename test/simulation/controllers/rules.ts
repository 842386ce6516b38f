/**
 * The rules that a run rests on. `realRules` are the project's own cores; each plant leaves one
 * rule out by wrapping them, so that nothing of a plant is in what is shipped.
 */
import { foldControl } from '../../../shared/core/control-fold.ts';
import type { Member } from '../../../shared/core/control-state.ts';
import { judgeToken, type TokenVerdict, type EpochCut } from '../../../shared/core/consistency.ts';
import type { Epoch } from '../../../shared/core/epoch.ts';
import type { Position } from '../../../shared/core/position.ts';
import { releasedPositions } from '../../../shared/core/quorum.ts';
import type { RegionId } from '../../../shared/core/region.ts';
import type { PlantName } from '../plants.ts';
import type { Acknowledged } from './sim-replicator.ts';
import { zero } from './transaction.ts';

export interface Rules {
  readonly foldControl: typeof foldControl;
  /** What the counted members have applied in `epoch`. */
  readonly acknowledgements: (
    counted: readonly Member[],
    peers: ReadonlyMap<RegionId, Acknowledged>,
    epoch: Epoch,
  ) => readonly Position[];
  readonly released: (
    acknowledged: readonly Position[],
    k: number,
    end: Position,
  ) => { readonly write: Position; readonly apply: Position };
  readonly judgeToken: (
    token: Position,
    node: Position,
    history: readonly EpochCut[],
  ) => TokenVerdict;
  readonly appliesSealed: boolean;
  readonly reappliesLog: boolean;
}

export const realRules: Rules = {
  foldControl,
  acknowledgements: (counted, peers) =>
    counted.map((member) => {
      const peer = peers.get(member.region);
      return peer?.store === member.store ? peer.applied : zero;
    }),
  released: (acknowledged, k) => releasedPositions(acknowledged, k),
  judgeToken,
  appliesSealed: false,
  reappliesLog: true,
};

/** The real rules without the one that `plant` names. */
export function rulesOfControllers(plant: PlantName | null): Rules {
  if (plant === null) return realRules;
  throw new Error(`the rule of ${plant} cannot be left out in this world`);
}
