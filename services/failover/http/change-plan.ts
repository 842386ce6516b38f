/**
 * What a change of primary would do now, for `dryRun`: the controller's own preflight, and the
 * figures that a person looks at. Nothing is asked of anybody.
 */
import { formatPosition } from '../../../shared/core/position.ts';
import type { RegionId } from '../../../shared/core/region.ts';
import type { OperatorRequest } from '../core/controller-input.ts';
import { expectedLoss } from '../core/expected-loss.ts';
import { preflight } from '../core/operator/preflight.ts';
import type { ControllerAccess } from './controller-access.ts';
import { listRegions } from './region-list.ts';

export type ChangeRequest = Extract<OperatorRequest, { kind: 'change' }>;

/** In words and figures; the controller decides anew when the change is asked for. */
export function planChange(
  access: ControllerAccess,
  asked: ChangeRequest,
): Readonly<Record<string, unknown>> {
  const view = access.view();
  const verdict = preflight(access.state(), asked);
  const isReady = verdict.kind === 'ready';
  const preferred =
    isReady && verdict.record.kind === 'prepare' ? verdict.record.preferred : asked.to;
  const target = listRegions(access).find(({ id }) => id === preferred);
  const position = view.reports.find(({ id }) => id === view.primary)?.position ?? null;
  return {
    dryRun: true,
    allowed: isReady,
    why: isReady ? 'every condition is met now' : verdict.why,
    hint: isReady ? null : verdict.hint,
    kind: asked.change,
    from: view.primary,
    to: preferred,
    opensEpoch: view.epoch + 1,
    targetHealth: target?.health ?? null,
    targetLagMs: target?.lagMs ?? null,
    targetPosition: target?.position ?? null,
    primaryPosition: position === null ? null : formatPosition(position),
    expectedLoss: lossInWords(asked),
    ...(asked.force && asked.to !== null ? { loss: lossOf(access, asked.to) } : {}),
  };
}

/** Figures for a person who may give them up. */
function lossOf(access: ControllerAccess, to: RegionId): Readonly<Record<string, unknown>> {
  const { cut, beyond, unheard, inWords } = expectedLoss(access.state(), to);
  return { cut, inWords, unheard, beyond };
}

function lossInWords(asked: ChangeRequest): string {
  if (asked.force) {
    return 'everything that the chosen region does not hold; it is listed afterwards';
  }
  return asked.change === 'switchover'
    ? 'none: the primary finishes its transactions and seals first'
    : 'nothing confirmed semi-sync or sync; async writes that no other region holds are listed';
}
