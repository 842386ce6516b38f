/**
 * Decides where the control log may begin: old records go once nobody needs them any more. Whoever
 * starts with an older checkpoint than that takes one of another region, so enough regions must
 * have stored a newer one that no loss which the cluster survives leaves nobody to ask.
 */
import type { LogOffset } from '../../../shared/core/log-offset.ts';
import type { RegionId } from '../../../shared/core/region.ts';

export interface TrimFacts {
  /** The regions of the policy in force. */
  readonly regions: readonly RegionId[];
  /** The offset of the checkpoint that each region which answers has on disk. */
  readonly stored: ReadonlyMap<RegionId, LogOffset>;
  /** What lies before is old enough; null: nothing is. */
  readonly oldBefore: LogOffset | null;
}

export type ControlTrim =
  | { readonly kind: 'keep'; readonly why: string }
  | { readonly kind: 'trim'; readonly before: LogOffset };

/** One region may be away, but two must answer. */
export function decideControlTrim({ regions, stored, oldBefore }: TrimFacts): ControlTrim {
  if (oldBefore === null) return { kind: 'keep', why: 'no record is old enough' };
  const silent = regions.filter((region) => !stored.has(region));
  const answering = regions.length - silent.length;
  if (silent.length > 1 || answering < 2) {
    return { kind: 'keep', why: `no stored checkpoint is known of ${silent.join(', ')}` };
  }
  const before = [...stored.values()].reduce(
    (lowest, offset) => (offset < lowest ? offset : lowest),
    oldBefore,
  );
  return { kind: 'trim', before };
}
