/** Decides what a new directive means for the work under way. */
import type { ReplicationDirective } from '../../../shared/core/cluster-view.ts';
import type { EpochCut } from '../../../shared/core/consistency.ts';
import { publicationOf, type Epoch } from '../../../shared/core/epoch.ts';
import { formatLsn } from '../../../shared/core/lsn.ts';
import { formatPosition, type Position } from '../../../shared/core/position.ts';
import type { RegionId } from '../../../shared/core/region.ts';
import { clampToCuts } from './chain-check.ts';

export type DirectiveChange =
  /** The work goes on as it is. */
  | { readonly kind: 'keep' }
  /** Decoding goes on: the primary completes its log before its seal. */
  | { readonly kind: 'complete-leading' }
  /** The work ends; then the new one begins. */
  | { readonly kind: 'replace' };

/** What `next` asks of a replicator that works on `current` (null: on nothing). */
export function changeOfDirective(
  current: ReplicationDirective | null,
  next: ReplicationDirective,
): DirectiveChange {
  if (current !== null && workOf(current) === workOf(next)) return { kind: 'keep' };
  const isSameEpoch =
    current?.kind === 'lead' && next.kind === 'complete' && current.epoch === next.epoch;
  return isSameEpoch && next.isOpener ? { kind: 'complete-leading' } : { kind: 'replace' };
}

/**
 * The end of the own log as it is reported. What lies beyond a later cut is void in a log, except
 * that the tail of an opener is in its data too: it is told as it is, and the controller judges it.
 */
export function reportedLogEnd(
  directive: ReplicationDirective,
  last: Position,
  history: readonly EpochCut[],
): Position {
  const isOwnTail = directive.kind === 'complete' && directive.isOpener;
  return isOwnTail ? last : clampToCuts(last, history);
}

/** Names of an epoch's slot, publication and walsender, as the controller makes them. */
export function epochNames(
  epoch: Epoch,
  region: RegionId,
): Pick<
  Extract<ReplicationDirective, { kind: 'lead' }>,
  'epoch' | 'slot' | 'publication' | 'walsenderName'
> {
  const publication = publicationOf(epoch);
  const walsenderName = `meridian_${region.replaceAll('-', '_')}_${epoch}`;
  return { epoch, publication, slot: publication, walsenderName };
}

/** The same text for directives that ask for the same work. */
export function workOf(directive: ReplicationDirective): string {
  switch (directive.kind) {
    case 'idle':
      return 'idle';
    case 'seed': {
      const { source, epoch, position, recoveredTo } = directive;
      const at = position === null ? '' : formatPosition(position);
      return `seed ${source} ${epoch} ${at} ${formatLsn(recoveredTo)}`;
    }
    case 'follow':
      return `follow ${directive.epoch} ${directive.source}`;
    case 'complete': {
      const { epoch, sealEpoch, isOpener, walEnd } = directive;
      const to = walEnd === null ? '' : formatLsn(walEnd);
      return `complete ${epoch} ${sealEpoch} ${String(isOpener)} ${to}`;
    }
    case 'catch-up':
      return `catch-up ${directive.epoch} ${directive.source} ${formatPosition(directive.cut)}`;
    case 'lead':
      return `lead ${directive.epoch} ${directive.timeline} ${directive.slot}`;
  }
}
