/** The primary's look at what neither decoding nor event triggers see, beside a test's work. */
import { UnseenCapture } from '../../../services/replicator/io/capture/unseen-capture.ts';
import { eventually } from '../eventually.ts';
import type { TestServer } from '../postgres.ts';

/** Looks until `work` is done: an index that is dropped concurrently waits for it. */
export async function whileCapturing<T>(source: TestServer, work: () => Promise<T>): Promise<T> {
  const capture = new UnseenCapture(source.target('meridian_applier'), 1000);
  let isDone = false;
  const capturing = eventually(
    async () => {
      // As in the primary: what meets a lock is tried again.
      await capture.capture().catch(() => undefined);
      return isDone;
    },
    { deadlineMs: 300_000 },
  );
  try {
    return await work();
  } finally {
    isDone = true;
    await capturing;
    capture.close();
  }
}
