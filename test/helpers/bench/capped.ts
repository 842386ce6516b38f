/**
 * Processes that get a share of a core each and no more, by stopping them for the rest of each
 * turn; one after the other, so that what they work with has the other core.
 */

const turnMs = 20;

interface Cap {
  readonly pids: readonly number[];
  /** 0 to 1, of all of them together at most 1. */
  readonly share: number;
}

/** They run freely again when `work` has ended. */
export async function whileCapped<T>({ pids, share }: Cap, work: () => Promise<T>): Promise<T> {
  const runMs = turnMs * share;
  const runOne = (pid: number): void => {
    process.kill(pid, 'SIGCONT');
    setTimeout(() => process.kill(pid, 'SIGSTOP'), runMs);
  };
  const turn = setInterval(() => {
    for (const [place, pid] of pids.entries()) {
      setTimeout(() => runOne(pid), (place * turnMs) / pids.length);
    }
  }, turnMs);
  try {
    return await work();
  } finally {
    clearInterval(turn);
    // After the last stop of the turn that was under way.
    await new Promise((resolve) => setTimeout(resolve, 2 * turnMs));
    for (const pid of pids) process.kill(pid, 'SIGCONT');
  }
}
