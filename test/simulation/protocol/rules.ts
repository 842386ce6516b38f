/**
 * The rules that the simulated regions follow: the real functions of the core, and the few rules
 * that a region's own services keep. A plant replaces one of them, here and nowhere else.
 */
import { isWithinCuts, judgeToken } from '../../../shared/core/consistency.ts';
import { foldControl } from '../../../shared/core/control/control-fold.ts';
import type { Promotion } from '../../../shared/core/control/control-state.ts';
import { expiredFromMs } from '../../../shared/core/lease.ts';
import { releasedPositions } from '../../../shared/core/quorum.ts';
import type { PlantName } from '../plants.ts';

export interface Rules {
  readonly foldControl: typeof foldControl;
  readonly isWithinCuts: typeof isWithinCuts;
  readonly judgeToken: typeof judgeToken;
  readonly releasedPositions: typeof releasedPositions;
  readonly expiredFromMs: typeof expiredFromMs;
  /** Whether a person accepted what the promotion loses. */
  readonly isLossAccepted: (promotion: Promotion) => boolean;
  /** The rule that regions leave out, when it is none of the functions above. */
  readonly leftOut: PlantName | null;
}

export const realRules: Rules = {
  foldControl,
  isWithinCuts,
  judgeToken,
  releasedPositions,
  expiredFromMs,
  isLossAccepted: (promotion) => promotion.isForced,
  leftOut: null,
};
