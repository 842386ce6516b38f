// test: deadline 150 s
/**
 * A database is taken over from a server of somebody else's, by the agent's nodes alone: what was
 * answered before the closing is in the copy, nothing is written after it, and a take-over that
 * cannot be finished opens the old database again.
 */
import assert from 'node:assert/strict';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import pg from 'pg';
import {
  adoptedFile,
  adoptionFile,
  closingFile,
  type AdoptionSource,
} from '../../../services/local/postgres/adoption-source.ts';
import type { RegionNodes } from '../../../services/local/postgres/region-nodes.ts';
import { ownerTarget } from '../../../services/local/postgres/server-process.ts';
import type { RegionContext } from '../../../services/local/region-context.ts';
import { connectPg, withPg } from '../../../shared/pg/client.ts';
import { eventually } from '../../helpers/eventually.ts';
import { makeLocalFiles, type LocalFiles } from '../../helpers/local-region.ts';
import { oldPassword, startOldServer, type OldServer } from '../deploy/old-server.ts';
import { follow, startWriter, type Adopting } from './adopting.ts';

const waiting = { deadlineMs: 60_000 };
let files: LocalFiles;
let old: OldServer;
const begun: RegionNodes[] = [];

before(async () => {
  files = await makeLocalFiles(['west', 'east']);
  const [west] = files.cluster.regions;
  const names = [west?.host ?? ''];
  old = await startOldServer(west?.bind ?? '', join(files.stateFolder, 'old'), { names });
  await old.query('app', 'CREATE TABLE beat (n int PRIMARY KEY); ALTER TABLE beat OWNER TO shop');
});

after(async () => {
  await Promise.all(begun.map((nodes) => nodes.shutDown()));
  await old?.stop();
  files?.remove();
});

async function beginAdoption(
  region: string,
  place?: Pick<AdoptionSource, 'host' | 'tls'>,
): Promise<Adopting> {
  const adopting = await follow(await files.context(region), old, place);
  begun.push(adopting.nodes);
  return adopting;
}

/** As the application, at the node's own port. */
async function connectToNode({ region }: RegionContext): Promise<null> {
  const at = { host: region.bind, port: region.nodes[0]?.port ?? 5432, database: 'app' };
  const client = new pg.Client({ ...at, user: 'shop', password: oldPassword });
  client.on('error', () => undefined);
  try {
    await client.connect();
    return null;
  } finally {
    void client.end().catch(() => undefined);
  }
}

test('a take-over that cannot be finished opens the old database again', async () => {
  const { nodes, id, done } = await beginAdoption('east');
  const { host, port } = old;
  const stuck = new pg.Client({ host, port, database: 'app', user: 'shop', password: oldPassword });
  stuck.on('error', () => undefined);
  await stuck.connect();
  const { rows } = await stuck.query<{ pid: number }>('SELECT pg_backend_pid() AS pid');
  const pid = rows[0]?.pid ?? 0;
  process.kill(pid, 'SIGSTOP');
  try {
    nodes.takeOver(id);
    await eventually(
      () =>
        old.query('app', 'SELECT 1').then(
          () => false,
          () => true,
        ),
      waiting,
    );
    await assert.rejects(done, /app has sessions left/);
    await old.query('app', 'INSERT INTO beat VALUES (-1)');
    assert.notEqual(nodes.stateOf(id).data, 'ready');
    // Nothing of Meridian's tables on it is felt by the application.
    await old.query('app', 'CREATE UNLOGGED TABLE felt (n int); DROP TABLE felt');
    await old.query('app', 'SELECT lo_unlink(lo_create(0))');
    const enabled = `SELECT evtname FROM pg_event_trigger WHERE evtenabled <> 'D'`;
    assert.deepEqual(await old.query('app', enabled), []);
  } finally {
    process.kill(pid, 'SIGCONT');
    void stuck.end().catch(() => undefined);
  }
});

test('a closing that was left behind by an agent that died is taken back', async () => {
  const context = await files.context('east');
  await old.query('postgres', 'ALTER DATABASE app ALLOW_CONNECTIONS false');
  writeFileSync(closingFile(context.paths), '{}');
  // What the agent had sent before it was cut off is still on its way, as this transaction is.
  const { host, port } = old;
  const late = await connectPg({
    ...{ host, port, database: 'postgres', user: 'postgres', password: oldPassword },
    ...{ applicationName: 'meridian_adoption', foreign: 'plain' },
  });
  await late.query('BEGIN; ALTER DATABASE app ALLOW_CONNECTIONS false');
  const { nodes } = await beginAdoption('east');
  await assert.rejects(late.query('COMMIT'));
  await old.query('app', 'INSERT INTO beat VALUES (-2)');
  assert.ok(!existsSync(closingFile(context.paths)));
  await nodes.shutDown();
});

test('by TLS, all that was answered is in the copy, and nothing is after the closing', async () => {
  await old.admit('hostssl');
  const writers = [0, 1, 2, 3].map((first) => startWriter(old, first, 4));
  const west = files.cluster.regions[0]?.host ?? '';
  const { context, nodes, id, done } = await beginAdoption('west', { host: west, tls: old.tls });
  const sessions = `SELECT DISTINCT ssl FROM pg_stat_ssl JOIN pg_stat_activity USING (pid)
    WHERE usename LIKE 'meridian%' OR application_name = 'meridian_adoption'`;
  assert.deepEqual(await old.query('postgres', sessions), [{ ssl: 't' }]);
  await eventually(() => writers.every(({ written }) => written.length > 50), waiting);
  // The state from which libpq goes on to the next of its places, here the old server.
  const closed = { code: '57P03' };
  await assert.rejects(connectToNode(context), closed);
  const { pid } = nodes.stateOf(id);
  nodes.takeOver(id);
  await done;
  const { mode, process: phase } = nodes.stateOf(id);
  assert.deepEqual([mode, phase], ['normal', 'running']);
  assert.equal(nodes.stateOf(id).pid, pid, 'it did not start anew');
  const { message } = await eventually(async () => {
    const error = await connectToNode(context).catch((why: unknown) => why as pg.DatabaseError);
    return error?.code === '57P03' ? error : null;
  });
  assert.match(message, /closed to applications/);
  await Promise.all(writers.map((writer) => writer.stop()));
  assert.equal(nodes.stateOf(id).data, 'ready');
  assert.throws(() => readFileSync(adoptionFile(context.paths)), /ENOENT/);
  const keys = join(context.paths.postgresFolder, 'pg-1/adopted-tls');
  assert.ok(!existsSync(keys));
  assert.match(readFileSync(adoptedFile(context.paths), 'utf8'), /^\{"host":.*"database":"app"\}$/);
  const target = ownerTarget(context, 5432, 'app');
  const copied = await eventually(
    () =>
      withPg(target, async (client) => {
        const { rows } = await client.query<{ n: string }>('SELECT n FROM beat ORDER BY n');
        return rows.map(({ n }) => n);
      }).catch(() => null),
    waiting,
  );
  await withPg(target, async (client) => {
    const { rows } = await client.query(
      `SELECT evtname FROM pg_event_trigger WHERE evtenabled = 'D'
       UNION ALL SELECT digest FROM meridian_local.schema_version WHERE digest LIKE 'ahead %'
       UNION ALL SELECT nspname FROM pg_namespace
         WHERE nspname LIKE 'meridian%' AND nspowner <> 'meridian_owner'::regrole
       UNION ALL SELECT proname FROM pg_proc
         WHERE pronamespace = 'meridian'::regnamespace AND proowner <> 'meridian_owner'::regrole`,
    );
    assert.deepEqual(rows, [], 'what was made ahead is whole, and belongs to meridian_owner');
    await client.query('SET event_triggers = on');
    await assert.rejects(client.query('CREATE UNLOGGED TABLE felt (n int)'), /not replicated/);
    await assert.rejects(client.query('SELECT lo_create(0)'), /not replicated/);
  });
  await assert.rejects(old.query('app', 'SELECT 1'), /not currently accepting connections/);
  // The old server keeps no WAL for a copy any more.
  await eventually(async () => {
    const slots = await old.query('postgres', 'SELECT slot_name FROM pg_replication_slots');
    return slots.length === 0;
  }, waiting);
  await old.query('postgres', 'ALTER DATABASE app ALLOW_CONNECTIONS true');
  const kept = await old.query('app', 'SELECT n FROM beat ORDER BY n');
  assert.deepEqual(
    copied,
    kept.map(({ n }) => n),
  );
  const present = new Set(copied);
  const answered = writers.flatMap(({ written }) => written.map(String));
  assert.deepEqual(
    answered.filter((n) => !present.has(n)),
    [],
  );
});

test('nothing is left on the old server when it is cleaned as the runbook says', async () => {
  await old.query('app', 'DROP SCHEMA meridian, meridian_local CASCADE');
  await old.query(
    'postgres',
    'DROP ROLE meridian_owner, meridian_replicator, meridian_applier, meridian_router, app',
  );
  assert.deepEqual(await old.query('app', 'SELECT evtname FROM pg_event_trigger'), []);
});
