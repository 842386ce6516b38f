/** What the control log lacks to decide anything, in words: which regions' brokers are needed. */
import type { RegionId } from '../../../../shared/core/region.ts';

export interface BrokerHeard {
  /** The region, or the witness, whose broker it is. */
  readonly region: RegionId;
  readonly isAnswering: boolean;
}

/** Null while a majority of the brokers answers. */
export function describeMajority(brokers: readonly BrokerHeard[]): string | null {
  const silent = brokers.filter(({ isAnswering }) => !isAnswering);
  const majority = Math.floor(brokers.length / 2) + 1;
  const needed = majority - (brokers.length - silent.length);
  if (needed <= 0) return null;
  const names = silent.map(({ region }) => region).join(', ');
  const which = needed === silent.length ? 'all of them' : `${needed} of them`;
  return `the control log has no majority: no broker answers in ${names}; needed: ${which}`;
}
