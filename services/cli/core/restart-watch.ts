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
  return now.flatMap((one) => {
    const old = before.find(({ name }) => name === one.name);
    const name = `${region}/${one.name}`;
    if (old === undefined) return [];
    if (one.restarts > old.restarts) {
      const times = `restart ${String(one.restarts)}`;
      return [`${name} ended${one.problem === null ? '' : `: ${one.problem}`} (${times})`];
    }
    if (one.phase === old.phase) return [];
    if (one.phase === 'running') return [`${name} runs`];
    return one.phase === 'failed' ? [`${name} failed: ${one.problem ?? 'no reason'}`] : [];
  });
}
