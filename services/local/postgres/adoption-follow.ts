/** A copy follows the server that it was made of, until somebody asks that it takes its place. */
import type { Lsn } from '../../../shared/core/lsn.ts';
import { messageOf } from '../../../shared/errors/meridian-error.ts';
import { withPg, type PgTarget } from '../../../shared/pg/client.ts';
import { sleep } from '../../../shared/runtime/sleep.ts';
import { markEnd, standingOf, type Standing } from './adoption-source.ts';
import type { Seed } from './seed.ts';

const lookEveryMs = 200;
/** A copy that does not stream for so long has lost what it needs. */
const silenceMaxMs = 120_000;
/** A copy that is up to date has what is written now in a moment. */
const nearMs = 2000;
const nearEveryMs = 10;

export interface Following {
  readonly old: PgTarget;
  readonly seed: Pick<Seed, 'run' | 'onProgress' | 'signal'>;
  /** Whether the copy is to take the server's place. */
  readonly isAsked: () => boolean;
  readonly onBehind: (bytes: number) => void;
}

/**
 * Resolves when it is asked for and the copy has what was written a moment ago: the pause begins
 * with a line that bears, and with a copy that is near.
 */
export async function followUntilAsked({ old, seed, isAsked, onBehind }: Following): Promise<void> {
  let first: Lsn | null = null;
  let heardAtMs = performance.now();
  let why: unknown;
  // The line may be cut for a while: the slot keeps what the copy then fetches.
  const unlessCut = <T>(work: Promise<T>): Promise<T | null> =>
    work.catch((error: unknown) => {
      why = error;
      return null;
    });
  for (;;) {
    const standing = await unlessCut(look(old, seed));
    if (standing !== null && standing.replayed !== null) {
      const { end, replayed } = standing;
      heardAtMs = performance.now();
      first ??= replayed;
      onBehind(Math.max(0, Number(end - replayed)));
      seed.onProgress(Number(replayed - first), null);
      if (isAsked() && (await unlessCut(isNear(old, seed))) === true) return;
    }
    if (seed.signal.aborted) throw new Error('The agent was stopped.');
    if (performance.now() - heardAtMs > silenceMaxMs) {
      const said = why === undefined ? 'its log says why' : messageOf(why);
      throw new Error(`The copy does not follow any more: ${said}.`, { cause: why });
    }
    await sleep(lookEveryMs);
  }
}

function look(old: PgTarget, { run }: Following['seed']): Promise<Standing> {
  return withPg(old, (client) => standingOf(client, run.node));
}

/** The old server may still list a copy that it cannot reach: so something new is written there. */
function isNear(old: PgTarget, { run }: Following['seed']): Promise<boolean> {
  return withPg(old, async (client) => {
    const mark = await markEnd(client);
    const deadlineMs = performance.now() + nearMs;
    for (;;) {
      const { flushed } = await standingOf(client, run.node);
      if (flushed !== null && flushed >= mark) return true;
      if (performance.now() > deadlineMs) return false;
      await sleep(nearEveryMs);
    }
  });
}
