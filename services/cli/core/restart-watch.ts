/** Tells what happened to a region's processes between two looks at its agent. */

export interface SeenProcess {
  readonly name: string;
  readonly phase: 'stopped' | 'starting' | 'running' | 'failed';
  readonly restarts: number;
  readonly problem: string | null;
}

/** One line for each process that died, came back or failed since `before`. */
export function changesBetween(
  region: string,
  before: readonly SeenProcess[],
  now: readonly SeenProcess[],
): readonly string[] {
  return now.flatMap((process) => {
    const old = before.find(({ name }) => name === process.name);
    const name = `${region}/${process.name}`;
    if (old === undefined) return [];
    if (process.restarts > old.restarts) {
      const times = `restart ${String(process.restarts)}`;
      return [`${name} ended${process.problem === null ? '' : `: ${process.problem}`} (${times})`];
    }
    if (process.phase === old.phase) return [];
    if (process.phase === 'running') return [`${name} runs`];
    return process.phase === 'failed' ? [`${name} failed: ${process.problem ?? 'no reason'}`] : [];
  });
}
