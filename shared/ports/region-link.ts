/** One authenticated connection between the replicators of two regions. */
import type { CommitRecord } from '../core/commit-record.ts';
import type { Epoch } from '../core/epoch.ts';
import type { Position } from '../core/position.ts';
import type { RegionId } from '../core/region.ts';

export interface PushedRecord {
  readonly bytes: Uint8Array;
  readonly record: CommitRecord;
}

/** The receiving end: records one way, applied positions the other. */
export interface RegionLink {
  readonly peer: RegionId;
  /**
   * Records after `from`, in the source's log order, as one stream from any position, within a
   * byte credit. Throws (typed) when the source no longer holds what follows `from`.
   */
  records(
    from: Position,
    options: { readonly epoch: Epoch; readonly signal: AbortSignal },
  ): AsyncIterable<PushedRecord>;
  /**
   * Tells the source what is durably applied here, for which store; `reached`: nothing at or below
   * it is missing here (idle records move it).
   */
  acknowledge(applied: Position, store: string, reached?: Position): void;
}
