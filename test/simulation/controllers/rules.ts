/**
 * The rules that a run rests on. `realRules` are the project's own cores; each plant leaves one
 * rule out by wrapping them, so that nothing of a plant is in what is shipped.
 */
import { foldControl } from '../../../shared/core/control/control-fold.ts';
import type { Member, Promotion } from '../../../shared/core/control/control-state.ts';
import { judgeToken, type TokenVerdict, type EpochCut } from '../../../shared/core/consistency.ts';
import type { Epoch } from '../../../shared/core/epoch.ts';
import type { Position } from '../../../shared/core/position.ts';
import { releasedPositions } from '../../../shared/core/quorum.ts';
import type { RegionId } from '../../../shared/core/region.ts';
import type { PlantName } from '../plants.ts';
import { rulesWithout } from '../protocol/planted-rules.ts';
import { isControllerPlant, type ControllerPlant } from './planted-step.ts';
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
  /** Whether a person accepted what the promotion loses. */
  readonly isLossAccepted: (promotion: Promotion) => boolean;
  readonly appliesSealed: boolean;
  /** The rule that the controller leaves out. */
  readonly controllerPlant: ControllerPlant | null;
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
  isLossAccepted: (promotion) => promotion.isForced,
  appliesSealed: false,
  controllerPlant: null,
};

/** The real rules without the one that `plant` names. */
export function rulesOfControllers(plant: PlantName | null): Rules {
  if (isControllerPlant(plant)) return { ...realRules, controllerPlant: plant };
  // Those of the shared core are left out alike in both worlds.
  const {
    foldControl: fold,
    judgeToken: judge,
    releasedPositions,
    ...shared
  } = rulesWithout(plant);
  const { isLossAccepted } = shared;
  const rules = { ...realRules, foldControl: fold, judgeToken: judge, isLossAccepted };
  switch (plant) {
    case 'fewmembers':
      return { ...rules, released: releasedPositions };
    case 'ackall':
      return { ...rules, acknowledgements: (_, peers) => [...peers.values()].map(appliedOf) };
    case 'noseal':
      return { ...rules, appliesSealed: true };
    default:
      return rules;
  }
}

function appliedOf({ applied }: Acknowledged): Position {
  return applied;
}
