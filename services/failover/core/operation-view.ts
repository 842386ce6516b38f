/** What a person sees of an operation: every step of it, derived from the fold and what was seen. */
import type { RegionId } from '../../../shared/core/region.ts';
import type { ControllerState } from './controller-state.ts';

export interface OperationView {
  readonly id: string;
  readonly by: string;
  readonly reason: string;
  /** Wall-clock time at which it was asked for. */
  readonly askedAtMs: number;
  readonly phase: 'waiting-for-seals' | 'opening' | 'done' | 'replaced' | 'unknown';
  readonly percent: number;
  readonly epoch: number | null;
  readonly to: RegionId | null;
  readonly steps: readonly {
    readonly step: string;
    readonly detail: string;
    readonly atMs: number;
  }[];
  readonly result: string | null;
}

/** The operation `id` as this region knows it; null when no record names it. */
export function operationView(_state: ControllerState, _id: string): OperationView | null {
  return null;
}
