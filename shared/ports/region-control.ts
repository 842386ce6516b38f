/** What a region's controller offers to the region's other services. */
import type { ClusterView } from '../core/cluster-view.ts';

export interface RegionControl {
  /** The latest view; frozen. */
  view(): ClusterView;
  /** Calls `listener` after each change; returns how to stop that. */
  onChange(listener: (view: ClusterView) => void): () => void;
}

/**
 * Remaining lease in milliseconds at monotonic `nowMs`; 0 when there is none or the region is not
 * open. Checked after the result and before the reply of strong work.
 */
export function leaseRemainingMs(view: ClusterView, nowMs: number): number {
  if (!view.isOpen || view.leaseValidUntilMs === null) return 0;
  return Math.max(0, view.leaseValidUntilMs - nowMs);
}
