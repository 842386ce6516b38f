/** Names of Meridian's topics, and where a client of one of them begins. */
import type { RegionId } from '../core/region.ts';
import type { Logger } from '../logging/logger.ts';
import type { Clock } from '../ports/clock.ts';

export interface TopicTarget {
  /** `host:port` of the brokers to ask first; any of them may be down. */
  readonly brokers: readonly string[];
  readonly clientId: string;
  readonly topic: string;
  readonly logger: Logger;
  readonly clock: Clock;
}

/** The one stretched topic that decides epochs and members of `cell`. */
export function controlTopicOf(cell: string): string {
  return `meridian.${cell}.control`;
}

/** The log of `region`: written and read only inside that region. */
export function dataTopicOf(cell: string, region: RegionId): string {
  return `meridian.${cell}.log.${region}`;
}

/** `brokers` beginning at the `turn`-th, so that a rebuilt client asks another one first. */
export function rotated(brokers: readonly string[], turn: number): string[] {
  const first = brokers.length === 0 ? 0 : turn % brokers.length;
  return [...brokers.slice(first), ...brokers.slice(0, first)];
}

/** Largest message of a data log; room for the batch's own head is left above it. */
export const dataMessageBytesMax = 16 * 1024 * 1024;
