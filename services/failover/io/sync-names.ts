/** The name that commits wait for: the own replicator's walsender, or nobody's. Never empty. */
import type { PgClient } from '../../../shared/pg/client.ts';
import { assert } from '../../../shared/core/assert.ts';
import { quoteLiteral } from '../../../shared/pg/quote.ts';
import { sleep } from '../../../shared/runtime/sleep.ts';
import { onlyRow } from './node-connection.ts';

/** The name while the region does not lead: nobody has it, so nothing is ever released. */
export const closedStandbyName = 'meridian_closed';

const askAgainMs = 10;

/**
 * Sets it and waits until a new statement of this session sees it. Other backends see a change
 * only once the checkpointer has read it, which the probe COMMIT proves before a region opens.
 */
export async function setSynchronousStandbyNames(client: PgClient, value: string): Promise<void> {
  // Invariant: an empty value would release every waiting COMMIT as a success.
  assert(/^meridian_[a-z0-9_]+$/.test(value), `not a walsender's name: ${value}`);
  if ((await currentNames(client)) === value) return;
  await client.query(`ALTER SYSTEM SET synchronous_standby_names = ${quoteLiteral(value)}`);
  await client.query('SELECT pg_reload_conf()');
  while ((await currentNames(client)) !== value) await sleep(askAgainMs);
}

async function currentNames(client: PgClient): Promise<string> {
  const row = await onlyRow(client, `SELECT current_setting('synchronous_standby_names') AS names`);
  return row['names'] ?? '';
}
