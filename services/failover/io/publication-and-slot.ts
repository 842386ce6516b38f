/**
 * Publication and failover slot of an epoch. The publication is always made first: a slot that is
 * older than its publication can never decode it. Creating a slot waits for every transaction that
 * runs; when it waits too long the one that blocks it is named.
 */
import type { PgClient } from '../../../shared/pg/client.ts';
import { publicationOf, type Epoch } from '../../../shared/core/epoch.ts';
import { MeridianError } from '../../../shared/errors/meridian-error.ts';
import { sqlstateOf } from '../../../shared/errors/sqlstate.ts';
import { quoteIdent } from '../../../shared/pg/quote.ts';
import { publicationEnd } from '../core/opening/publication.ts';
import { onlyRow } from './node-connection.ts';

/** query_canceled by statement_timeout, lock_not_available by lock_timeout. */
const waitedTooLong: readonly (string | null)[] = ['57014', '55P03'];

/** Leaves exactly those of `epoch`. Throws while a COMMIT waits or a transaction blocks it. */
export async function createPublicationAndSlot(client: PgClient, epoch: Epoch): Promise<void> {
  await refuseWaiters(client);
  const name = publicationOf(epoch);
  await dropAllBut(client, name);
  const found = await onlyRow(
    client,
    `SELECT EXISTS (SELECT FROM pg_publication WHERE pubname = $1)::text AS publication,
       EXISTS (SELECT FROM pg_replication_slots WHERE slot_name = $1)::text AS slot`,
    [name],
  );
  if (found['publication'] !== 'true') {
    if (found['slot'] === 'true') await dropSlot(client, name);
    const { version } = await onlyRow(
      client,
      `SELECT current_setting('server_version_num') AS version`,
    );
    const options = publicationEnd(Number(version));
    await client.query(`CREATE PUBLICATION ${quoteIdent(name)} FOR ALL TABLES${options}`);
  } else if (found['slot'] === 'true') {
    return;
  }
  await createSlot(client, name);
}

/** A COMMIT that waits holds its transaction open: the slot would wait for it, and it for us. */
async function refuseWaiters(client: PgClient): Promise<void> {
  const { waiting } = await onlyRow(
    client,
    `SELECT string_agg(pid::text, ', ') AS waiting FROM pg_stat_activity
     WHERE wait_event = 'SyncRep'`,
  );
  if (waiting === null || waiting === undefined) return;
  throw new MeridianError('OperationRunning', `a COMMIT waits in process ${waiting}`, {
    hint: 'the slot is made once the session has been ended',
  });
}

/** Leaves none of any epoch. */
export async function dropPublicationsAndSlots(client: PgClient): Promise<void> {
  await dropAllBut(client, '');
}

async function dropAllBut(client: PgClient, name: string): Promise<void> {
  const slots = await client.query<{ slot_name: string }>(
    `SELECT slot_name FROM pg_replication_slots WHERE slot_type = 'logical'
       AND slot_name ~ '^meridian_[0-9]+$' AND slot_name <> $1`,
    [name],
  );
  for (const slot of slots.rows) await dropSlot(client, slot.slot_name);
  const publications = await client.query<{ pubname: string }>(
    `SELECT pubname FROM pg_publication WHERE pubname ~ '^meridian_[0-9]+$' AND pubname <> $1`,
    [name],
  );
  for (const { pubname } of publications.rows) {
    await client.query(`DROP PUBLICATION IF EXISTS ${quoteIdent(pubname)}`);
  }
}

async function dropSlot(client: PgClient, name: string): Promise<void> {
  await client.query(
    `SELECT pg_terminate_backend(active_pid, 1000) FROM pg_replication_slots
     WHERE slot_name = $1 AND active_pid IS NOT NULL`,
    [name],
  );
  await client.query('SELECT pg_drop_replication_slot($1)', [name]);
}

async function createSlot(client: PgClient, name: string): Promise<void> {
  try {
    await client.query(
      `SELECT pg_create_logical_replication_slot($1, 'pgoutput', false, false, true)`,
      [name],
    );
  } catch (error) {
    if (!waitedTooLong.includes(sqlstateOf(error))) throw error;
    const blocker = await describeBlocker(client);
    throw new MeridianError(
      'OperationRunning',
      `the slot waits for a transaction that runs: ${blocker}`,
      { hint: 'end that transaction; the slot is tried again by itself' },
      error,
    );
  }
}

async function describeBlocker(client: PgClient): Promise<string> {
  const { rows } = await client.query<Record<string, string>>(
    `SELECT pid::text, usename, application_name AS program, xact_start::text AS since
     FROM pg_stat_activity WHERE backend_xid IS NOT NULL AND pid <> pg_backend_pid()
     ORDER BY xact_start LIMIT 1`,
  );
  const found = rows[0];
  if (found === undefined) return 'none is left now';
  const { pid, usename, program, since } = found;
  return `process ${pid} of ${usename} (${program}) since ${since}`;
}
