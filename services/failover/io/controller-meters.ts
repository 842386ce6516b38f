/**
 * What `/metrics` tells of the controller: epoch, role, K, how often members changed, the disks of
 * the region's nodes, and how much `status` warns of.
 */
import type { ControlState } from '../../../shared/core/control/control-state.ts';
import type { Metrics } from '../../../shared/metrics/metrics.ts';
import { metricNames } from '../../../shared/metrics/names.ts';
import { memberChanges, memberChangesBetween } from '../core/members/explain-members.ts';
import type { ControllerState } from '../core/controller-state.ts';

export interface MeteredController {
  state(): ControllerState;
  onChange(listener: () => void): () => void;
}

export function meterController(metrics: Metrics, controller: MeteredController): void {
  const { epoch, isPrimary, confirmations } = metricNames;
  const [epochs, primary, confirms] = [
    metrics.gauge(epoch),
    metrics.gauge(isPrimary),
    metrics.gauge(confirmations),
  ];
  const disks = metrics.gauge(metricNames.nodeDiskBytes);
  const warnings = metrics.gauge(metricNames.warnings);
  const changes = metrics.counter(metricNames.memberChanges);
  for (const change of memberChanges) changes.inc({ change }, 0);
  let last: ControlState | null = null;
  controller.onChange(() => {
    const { fold, view, kind, nodes, config } = controller.state();
    for (const { id, disk } of nodes) {
      if (disk === undefined || disk === null) continue;
      disks.set({ node: id, of: 'free' }, disk.freeBytes);
      disks.set({ node: id, of: 'total' }, disk.totalBytes);
    }
    const own = view?.reports.find(({ id }) => id === config.region);
    warnings.set(own?.warnings?.length ?? 0);
    epochs.set(fold.epoch);
    primary.set(view?.isOpen === true ? 1 : 0);
    confirms.set({ of: 'in force' }, fold.k);
    confirms.set({ of: 'policy' }, fold.policy?.k ?? 0);
    if (kind !== 'running') return;
    const told = last === null ? [] : memberChangesBetween(last, fold);
    for (const { what } of told) changes.inc({ change: what });
    last = fold;
  });
}
