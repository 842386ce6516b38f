/** What a change of primary would do now, for `dryRun`: nothing is asked of anybody. */
import { isAtOrPast, formatPosition } from '../../../shared/core/position.ts';
import type { RegionId } from '../../../shared/core/region.ts';
import type { ControllerAccess } from './controller-access.ts';
import { listRegions } from './region-list.ts';

export interface AskedChange {
  readonly kind: 'switchover' | 'failover';
  readonly to: RegionId | null;
  readonly force: boolean;
  readonly acceptDataLoss: boolean;
}

/** In words and figures; the controller decides anew when the change is asked for. */
export function planChange(
  access: ControllerAccess,
  asked: AskedChange,
): Readonly<Record<string, unknown>> {
  const view = access.view();
  const regions = listRegions(access);
  const target = regions.find(({ id }) => id === asked.to);
  const primaryPosition = view.reports.find(({ id }) => id === view.primary)?.position ?? null;
  const candidates = regions.filter(
    ({ id, health }) => id !== view.primary && health === 'healthy',
  );
  const behind = view.reports.filter(
    ({ id, position }) =>
      id === asked.to &&
      position !== null &&
      primaryPosition !== null &&
      !isAtOrPast(position, primaryPosition),
  );
  return {
    dryRun: true,
    kind: asked.kind,
    from: view.primary,
    to: asked.to ?? candidates[0]?.id ?? null,
    epoch: view.epoch,
    runningChange: view.prepare === null ? null : view.prepare.change,
    targetHealth: target?.health ?? null,
    targetLagMs: target?.lagMs ?? null,
    primaryPosition: primaryPosition === null ? null : formatPosition(primaryPosition),
    expectedLoss:
      asked.kind === 'switchover'
        ? 'none: the primary finishes and seals first'
        : asked.force
          ? 'everything that the chosen region does not hold; it is listed afterwards'
          : 'none that was confirmed semi-sync or sync; async writes not yet sent are listed',
    isTargetBehind: behind.length > 0,
  };
}
