/**
 * Watches, in a region that follows, whether roles, memberships, settings, grants on the database
 * and owners are what the primary's were when it last looked.
 */
import {
  connectPg,
  ownSessionOptions,
  type PgClient,
  type PgTarget,
} from '../../../shared/pg/client.ts';
import { sleep } from '../../../shared/runtime/sleep.ts';

export interface DriftOptions {
  readonly pg: Omit<PgTarget, 'applicationName' | 'options'>;
  readonly intervalMs: number;
  /** Kind and name of what differs; called when that changes. */
  readonly onDrift: (drift: readonly string[]) => void;
}

/** As many are told as fit into a line that a person reads. */
const shownMax = 10;

// Before the primary's first look nothing is known.
const driftSql = `
SELECT rtrim(kind || ' ' || name) AS drift FROM meridian.global_changes()
WHERE EXISTS (SELECT FROM meridian.global_state) LIMIT ${shownMax}`;

/** Looks until `signal` aborts; a difference counts when two looks in a row have seen it. */
export async function watchDrift(options: DriftOptions, signal: AbortSignal): Promise<void> {
  let client: PgClient | null = null;
  let before: readonly string[] = [];
  let told = '';
  const tell = (drift: readonly string[]): void => {
    if (drift.join() === told) return;
    told = drift.join();
    options.onDrift(drift);
  };
  try {
    while (!signal.aborted) {
      try {
        client ??= await connectPg({
          ...options.pg,
          applicationName: 'meridian drift',
          options: `${ownSessionOptions} -c search_path=pg_catalog -c statement_timeout=10s`,
        });
        const { rows } = await client.query<{ drift: string }>(driftSql);
        const seen = rows.map(({ drift }) => drift);
        tell(seen.filter((one) => before.includes(one)));
        before = seen;
      } catch {
        void client?.end().catch(() => undefined);
        client = null;
      }
      await sleep(options.intervalMs, signal);
    }
  } finally {
    tell([]);
    void client?.end().catch(() => undefined);
  }
}
