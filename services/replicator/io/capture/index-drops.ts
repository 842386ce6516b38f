/**
 * Records which unique indexes sessions are about to drop concurrently, before they do
 * (infra/postgres/index-drop.sql), and which indexes are broken or were mended.
 */
import type { PgClient } from '../../../../shared/pg/client.ts';

/** A session that wants to drop the index holds this one; ours says that it is recorded. */
const announcedKey = 1296388681;
const recordedKey = 1296388682;

// The locks are read by a statement of its own: the look at the indexes must be a later one.
const announcedSql = `
SELECT DISTINCT l.objid::text AS id FROM pg_locks l
WHERE l.locktype = 'advisory' AND l.granted AND l.objsubid = 2
  AND l.classid = ${announcedKey}
  AND l.database = (SELECT oid FROM pg_database WHERE datname = current_database())`;

export class IndexDrops {
  /** What this session's locks say. */
  readonly #recorded = new Set<string>();

  async record(client: PgClient): Promise<void> {
    const ended = new Set(this.#recorded);
    for (const id of await announced(client)) ended.delete(id);
    for (const id of ended) {
      await client.query(`SELECT pg_advisory_unlock_shared(${recordedKey}, $1::oid::int4)`, [id]);
      this.#recorded.delete(id);
    }
    // Who saw a lock that is given back now is among these, or has made its index invalid.
    const dropping = await announced(client);
    await client.query('SELECT meridian.capture_mended($1::oid[])', [dropping]);
    for (const id of dropping) {
      if (this.#recorded.has(id)) continue;
      const { rows } = await client.query<{ taken: string }>(
        `SELECT pg_try_advisory_lock_shared(${recordedKey}, $1::oid::int4) AS taken`,
        [id],
      );
      if (rows[0]?.taken === 't') this.#recorded.add(id);
    }
  }
}

async function announced(client: PgClient): Promise<string[]> {
  const { rows } = await client.query<{ id: string }>(announcedSql);
  return rows.map(({ id }) => id);
}
