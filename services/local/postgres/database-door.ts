/** Closes one database of a server to everybody, superusers included, and opens it again. */
import { MeridianError } from '../../../shared/errors/meridian-error.ts';
import { isInUse } from '../../../shared/errors/sqlstate.ts';
import type { PgClient } from '../../../shared/pg/client.ts';
import { quoteIdent } from '../../../shared/pg/quote.ts';
import { sleep } from '../../../shared/runtime/sleep.ts';

const everyMs = 20;

/**
 * Nobody gets in from here on, and nobody is left in it when this resolves. `client` is connected
 * to another database of the server. Throws when sessions do not end within `boundMs`.
 */
export async function closeDatabase(
  client: PgClient,
  database: string,
  boundMs: number,
): Promise<void> {
  await client.query(`ALTER DATABASE ${quoteIdent(database)} ALLOW_CONNECTIONS false`);
  const deadlineMs = performance.now() + boundMs;
  for (;;) {
    await client.query(
      'SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = $1',
      [database],
    );
    if (await isEmpty(client, database)) return;
    if (performance.now() > deadlineMs) {
      const hint = 'End what works in it: see pg_stat_activity and pg_prepared_xacts.';
      throw new MeridianError('OperationRunning', `${database} has sessions left.`, { hint });
    }
    await sleep(everyMs);
  }
}

export async function openDatabase(client: PgClient, database: string): Promise<void> {
  await client.query(`ALTER DATABASE ${quoteIdent(database)} ALLOW_CONNECTIONS true`);
}

/**
 * A database is renamed under a lock that no session in it, and none that is just coming in, lets
 * through; so a rename that succeeds proves that nobody is in it. Its name stays what it was.
 */
async function isEmpty(client: PgClient, database: string): Promise<boolean> {
  const { rows } = await client.query<{ count: string }>(
    'SELECT count(*) AS count FROM pg_stat_activity WHERE datname = $1',
    [database],
  );
  if (rows[0]?.count !== '0') return false;
  const [name, other] = [quoteIdent(database), quoteIdent(`${database.slice(0, 50)}_closing`)];
  try {
    await client.query(
      `BEGIN; ALTER DATABASE ${name} RENAME TO ${other};
       ALTER DATABASE ${other} RENAME TO ${name}; COMMIT`,
    );
    return true;
  } catch (error) {
    if (!isInUse(error)) throw error;
    await client.query('ROLLBACK');
    return false;
  }
}
