/**
 * What a table's owner can do who goes past the router and tries everything to write: nothing, on
 * every kind of node that is not the open primary (DESIGN.md section 6).
 */
import assert from 'node:assert/strict';
import { closeSync, openSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import * as fence from '../../../services/failover/io/fence-store.ts';
import { closeStandby, reopenStandby } from '../../../services/failover/io/sessions.ts';
import type { Epoch } from '../../../shared/core/epoch.ts';
import type { RegionId } from '../../../shared/core/region.ts';
import { connectPg, withPg, type PgClient } from '../../../shared/pg/client.ts';
import { eventually } from '../../helpers/eventually.ts';
import {
  openToApplications,
  startTestServer,
  testAddress,
  type TestServer,
} from '../../helpers/postgres.ts';
import { copyIn } from './copy-in.ts';

const writes: Readonly<Record<string, (client: PgClient) => Promise<unknown>>> = {
  insert: (client) => client.query('INSERT INTO owned VALUES (2)'),
  ddl: (client) => client.query('CREATE TABLE another (id int)'),
  nextval: (client) => client.query(`SELECT nextval('numbers')`),
  copy: (client) => copyIn(client, 'COPY owned FROM STDIN', '3\n'),
};
const closed = /closed to applications/;
/** What a client hears on a connection whose server process was ended. */
const ended = /terminating connection|Connection terminated|not queryable|ECONNRESET|EPIPE/;
let server: TestServer;

before(async () => {
  server = await startTestServer(testAddress(2));
  await openToApplications(server);
  await withPg(server.target('app'), async (client) => {
    await client.query('SET synchronous_commit = local');
    await client.query('CREATE TABLE owned (id int PRIMARY KEY); CREATE SEQUENCE numbers');
    await client.query('INSERT INTO owned VALUES (1)');
  });
});

after(async () => server.stop());

test('a fenced primary ends the session that was writing, and admits no other', async () => {
  const late = await sessions();
  const begun = await sessions();
  // Each has written before, and would have to commit.
  for (const { write, session } of begun) await write(session);
  const before = await drawn();
  await asOwner(async (client) => {
    await fence.takeNode(client, { region: 'eu-west' as RegionId, incarnation: 'i' });
    await fence.sealNode(client, 2 as Epoch);
  });
  await refusesEachWrite(late);
  for (const { name, session } of begun) {
    await assert.rejects(session.query('COMMIT'), ended, name);
  }
  await refusesEveryLogin();
  await isAsItWas(before);
});

test('an old primary started without Meridian is closed, however it was left', async () => {
  await asOwner((client) => client.query('UPDATE meridian_local.fence SET sealed_epoch = 0'));
  await openToApplications(server);
  await (await owner()).end();
  await server.kill('SIGKILL');
  await server.start();
  await refusesEveryLogin();
});

test('a replica region’s node admits nobody, and what was there is as it was', async () => {
  await openToApplications(server);
  const [late, before] = [await sessions(), await drawn()];
  await asOwner((client) => fence.closeNode(client));
  await refusesEachWrite(late);
  await refusesEveryLogin();
  await isAsItWas(before);
});

test('a standby refuses each write of a session that asks for it', async () => {
  await becomeStandby();
  for (const [name, write] of Object.entries(writes)) {
    const session = await owner();
    await session.query('SET default_transaction_read_only = off');
    await assert.rejects(session.query('BEGIN READ WRITE'), /during recovery/);
    await assert.rejects(write(session), /read-only transaction|recovery/, name);
    await session.end();
  }
});

test('no session survives the promotion of its standby, and none begins meanwhile', async () => {
  const session = await owner();
  await asOwner(closeStandby);
  await assert.rejects(session.query('SELECT 1'));
  await assert.rejects(connectPg(server.target('app')), /about to be promoted/);
  const reopening = '-c dynamic_library_path=$libdir';
  await assert.rejects(connectPg({ ...server.target('app'), options: reopening }), /permission/);
  await server.query('SELECT pg_promote()');
  await eventually(async () => !(await isInRecovery()));
  await refusesEveryLogin();
  await asOwner(reopenStandby);
  await refusesEveryLogin();
});

test('a standby that was not promoted after all opens again by itself', async () => {
  await becomeStandby();
  await asOwner(closeStandby);
  await asOwner(async (client) => {
    // As it is when the time in the setting has passed.
    const past = `'$libdir:/meridian_closed_until_1000000000'`;
    await client.query(`ALTER SYSTEM SET dynamic_library_path = ${past}`);
    await client.query('SELECT pg_reload_conf()');
  });
  await eventually(() => connectPg(server.target('app')).then(end, () => false));
});

/** Every way in that is open to a role which is no superuser. */
async function refusesEveryLogin(): Promise<void> {
  const target = server.target('app');
  await assert.rejects(connectPg(target), closed);
  const readWrite = '-c default_transaction_read_only=off -c transaction_read_only=off';
  await assert.rejects(connectPg({ ...target, options: readWrite }), closed);
  const untriggered = { ...target, options: '-c event_triggers=off' };
  await assert.rejects(connectPg(untriggered), /permission denied/);
  const replica = { ...target, options: '-c session_replication_role=replica' };
  await assert.rejects(connectPg(replica), /permission denied/);
}

interface Writing {
  readonly name: string;
  readonly write: (client: PgClient) => Promise<unknown>;
  readonly session: PgClient;
}

/** For each write a session of its own that may write. */
async function sessions(): Promise<readonly Writing[]> {
  const all: Writing[] = [];
  for (const [name, write] of Object.entries(writes)) {
    const session = await owner();
    const words = 'SET default_transaction_read_only = off; SET synchronous_commit = local';
    await session.query(`${words}; BEGIN READ WRITE`);
    all.push({ name, write, session });
  }
  return all;
}

async function refusesEachWrite(all: readonly Writing[]): Promise<void> {
  for (const { name, write, session } of all) await assert.rejects(write(session), ended, name);
}

/** The last number that the sequence gave. */
async function drawn(): Promise<string | null> {
  const [row] = await server.query('SELECT last_value::text AS n FROM numbers WHERE is_called');
  return row?.['n'] ?? null;
}

async function isAsItWas(before: string | null): Promise<void> {
  const [row] = await server.query(
    `SELECT string_agg(id::text, ' ') AS ids, to_regclass('another')::text AS another FROM owned`,
  );
  assert.deepEqual({ ...row }, { ids: '1', another: null });
  assert.equal(await drawn(), before);
}

/** A session of the table's owner, whose loss is expected. */
async function owner(): Promise<PgClient> {
  const client = await connectPg(server.target('app'));
  client.on('error', () => undefined);
  return client;
}

function asOwner<T>(work: (client: PgClient) => Promise<T>): Promise<T> {
  return withPg(server.target(), work);
}

async function isInRecovery(): Promise<boolean> {
  const [row] = await server.query('SELECT pg_is_in_recovery()::text AS answer');
  return row?.['answer'] === 'true';
}

async function end(client: PgClient): Promise<boolean> {
  await client.end();
  return true;
}

/** The server itself, in recovery: it has no upstream, which makes no difference to a session. */
async function becomeStandby(): Promise<void> {
  const [row] = await server.query(`SELECT current_setting('data_directory') AS folder`);
  await server.kill('SIGINT');
  closeSync(openSync(join(row?.['folder'] ?? '', 'standby.signal'), 'w'));
  await server.start();
  assert.equal(await isInRecovery(), true);
}
