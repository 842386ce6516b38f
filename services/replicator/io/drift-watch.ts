/**
 * Watches, in a region that follows, whether roles, memberships, settings, grants on the database
 * and owners are what the primary's were when it last looked.
 */
import {
  ConfirmedDifferences,
  differencesShownMax,
} from '../../../shared/core/drift/confirmed-differences.ts';
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

// Before the primary's first look nothing is known.
const driftSql = `
SELECT rtrim(kind || ' ' || name) AS drift FROM meridian.global_changes()
WHERE EXISTS (SELECT FROM meridian.global_state) LIMIT ${differencesShownMax}`;

/** Looks until `signal` aborts; a difference counts when two looks in a row have seen it. */
export async function watchDrift(options: DriftOptions, signal: AbortSignal): Promise<void> {
  let client: PgClient | null = null;
  const differences = new ConfirmedDifferences();
  const take = (found: readonly string[]): void => {
    const drift = differences.after(found);
    if (drift !== null) options.onDrift(drift);
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
        take(rows.map(({ drift }) => drift));
      } catch {
        void client?.end().catch(() => undefined);
        client = null;
      }
      await sleep(options.intervalMs, signal);
    }
  } finally {
    take([]);
    void client?.end().catch(() => undefined);
  }
}
