/**
 * Proves that commits of this node wait for the own replicator: a COMMIT in mode logged that was
 * seen waiting by another session, and was released. A changed `synchronous_standby_names` is not
 * in force before that, whatever a session is shown.
 */
import type { PgClient } from '../../../shared/pg/client.ts';
import { onlyRow } from './node-connection.ts';

/** The connection that probes; one that still waits after a failure is found by this name. */
export const proberName = 'meridian-probe';

/** What a probe waits like: as an application's COMMIT in mode logged. */
const probeMode = 'on';

/**
 * Resolves when such a COMMIT was seen waiting and then released. A release may be quicker than
 * the watcher looks, so the probe is repeated; the caller bounds it.
 */
export async function probeCommit(prober: PgClient, watcher: PgClient): Promise<void> {
  await prober.query(`SET synchronous_commit = ${probeMode}`);
  const pid = await pidOf(prober);
  for (;;) {
    const probe = { isOver: false };
    // A transaction that publishes nothing and holds no lock, but has a commit record.
    const released = prober
      .query(`SELECT pg_logical_emit_message(true, 'meridian-probe', '')`)
      .finally(() => (probe.isOver = true));
    released.catch(() => undefined);
    const wasSeen = await seesWait(watcher, pid, probe);
    await released;
    if (wasSeen) return;
  }
}

/** Looks until the COMMIT of `pid` is seen waiting or has ended. */
async function seesWait(
  watcher: PgClient,
  pid: string,
  probe: { readonly isOver: boolean },
): Promise<boolean> {
  while (!probe.isOver) {
    const { rows } = await watcher.query(
      `SELECT FROM pg_stat_activity WHERE pid = $1 AND wait_event = 'SyncRep'`,
      [pid],
    );
    if (rows.length > 0) return true;
  }
  return false;
}

/** Ends probes but `own` whose controller has given up on them: they would wait for ever. */
export async function endProbes(client: PgClient, own: PgClient | null = null): Promise<void> {
  const pid = own === null ? '0' : await pidOf(own);
  await client.query(
    `SELECT pg_terminate_backend(pid) FROM pg_stat_activity
     WHERE application_name = $1 AND pid <> $2`,
    [proberName, pid],
  );
}

async function pidOf(client: PgClient): Promise<string> {
  return (await onlyRow(client, 'SELECT pg_backend_pid()::text AS pid'))['pid'] ?? '';
}
