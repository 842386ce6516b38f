/** The clock of this machine. */
import type { Clock } from '../ports/clock.ts';

/**
 * `performance.now()` reads CLOCK_MONOTONIC from the start of the process on, for a third of what
 * `hrtime.bigint()` costs; with the start added it is comparable between processes again.
 */
const startMs = startOfProcessMs();

export const systemClock: Clock = {
  monotonicMs: () => startMs + performance.now(),
  wallMs: () => Date.now(),
};

/** The largest of some looks: time that passes between its two reads makes a look too small. */
function startOfProcessMs(): number {
  const looks = Array.from({ length: 20 }, () => {
    const nowMs = Number(process.hrtime.bigint()) / 1e6;
    return nowMs - performance.now();
  });
  return Math.max(...looks);
}
