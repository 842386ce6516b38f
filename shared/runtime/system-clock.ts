/** The clock of this machine. */
import type { Clock } from '../ports/clock.ts';

export const systemClock: Clock = {
  monotonicMs: () => Number(process.hrtime.bigint()) / 1e6,
  wallMs: () => Date.now(),
};
