/** A COMMIT that one node alone holds: the processes that send its WAL are frozen before it. */
import assert from 'node:assert/strict';
import { withPg, type PgTarget } from '../../../shared/pg/client.ts';

/** Runs `sql` on a node whose standbys are sent no WAL from here on; they never see it. */
export async function commitUnsent(node: PgTarget, sql: string): Promise<void> {
  await withPg(node, async (client) => {
    const { rows } = await client.query<{ pid: string }>('SELECT pid FROM pg_stat_replication');
    assert.notEqual(rows.length, 0);
    for (const { pid } of rows) process.kill(Number(pid), 'SIGSTOP');
    await client.query(sql);
  });
}
