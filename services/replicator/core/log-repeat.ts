/**
 * What a log that is to begin later must hold once more: the latest records of this region alone,
 * which tell a restart what the store is, how far the log reached, what was sealed and opened.
 */
import type { CommitRecord } from '../../../shared/core/commit-record.ts';
import type { Epoch } from '../../../shared/core/epoch.ts';
import type { LogOffset } from '../../../shared/core/log-offset.ts';
import { comparePositions, type Position } from '../../../shared/core/position.ts';
import type { RegionId } from '../../../shared/core/region.ts';
import type { LogMark } from './log-map.ts';

export interface LocalFacts {
  readonly store: string | null;
  readonly sealedEpoch: number;
  readonly opened: { readonly epoch: number; readonly timeline: number } | null;
  /** Last transaction in the log. */
  readonly last: Position;
  /** The end that the latest seed record tells of. */
  readonly told: Position | null;
  readonly places: Readonly<Partial<Record<'seed' | 'sealed' | 'opened', LogOffset>>>;
}

/** The records to append before the log of `origin` begins at `mark`. */
export function repeatedRecords(
  facts: LocalFacts,
  mark: LogMark,
  of: { readonly origin: RegionId; readonly epoch: Epoch },
): CommitRecord[] {
  const { origin, epoch } = of;
  const { store, sealedEpoch, opened, last: position, told, places } = facts;
  const isBefore = (place: LogOffset | undefined): boolean =>
    place !== undefined && place < mark.offset;
  // Transactions that were under way to the log may lie before a seed record that knows none.
  const isLate = told !== null && comparePositions(told, mark.end) < 0;
  const repeated: CommitRecord[] = [];
  if (isBefore(places.sealed)) {
    repeated.push({ kind: 'sealed', epoch: sealedEpoch as Epoch, origin, position });
  }
  if (isBefore(places.opened) && opened !== null) {
    const { timeline } = opened;
    repeated.push({ kind: 'opened', epoch: opened.epoch as Epoch, origin, timeline });
  }
  if ((isBefore(places.seed) || isLate) && store !== null) {
    repeated.push({ kind: 'seed', epoch, origin, position, store });
  }
  return repeated;
}
