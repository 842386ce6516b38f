// test: deadline 300 s
/**
 * The line to the old server is cut while a database is adopted: the copy goes on afterwards, and
 * a take-over ends either whole or with the old database open again. Nothing that was answered is
 * lost.
 */
import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { after, afterEach, before, test } from 'node:test';
import pg from 'pg';
import { closingFile } from '../../../services/local/postgres/adoption-source.ts';
import type { DirectionChange } from '../../../services/local/wan/wan-direction.ts';
import { startWanProxy, type WanProxy } from '../../../services/local/wan/wan-proxy.ts';
import { eventually } from '../../helpers/eventually.ts';
import { makeLocalFiles, type LocalFiles } from '../../helpers/local-region.ts';
import { oldPassword, startOldServer, type OldServer } from '../deploy/old-server.ts';
import { follow, startWriter, type Adopting, type Writer } from './adopting.ts';

const waiting = { deadlineMs: 60_000 };
let files: LocalFiles;
let old: OldServer;
let proxy: WanProxy;
/** Where this machine sees the old server. */
let seenAt: string;
let adopting: Adopting | null = null;
let writers: Writer[] = [];

before(async () => {
  files = await makeLocalFiles(['west', 'east']);
  const host = files.cluster.regions[0]?.bind ?? '';
  seenAt = host.replace(/\d+$/, '99');
  const backAt = host.replace(/\d+$/, '98');
  old = await startOldServer(host, join(files.stateFolder, 'old'), { addresses: [seenAt] });
  const line = { latencyMs: 0, host: 'old', ports: [old.port] };
  proxy = await startWanProxy({
    pairs: [
      { ...line, from: 'here', to: 'there', address: seenAt, target: host },
      { ...line, from: 'there', to: 'here', address: backAt, target: backAt },
    ],
  });
  await old.query('app', 'CREATE TABLE beat (n int PRIMARY KEY); ALTER TABLE beat OWNER TO shop');
  await old.admit('hostssl');
  writers = [0, 1].map((first) => startWriter(old, first, 2));
});

afterEach(() => change({ action: 'heal' }));

after(async () => {
  await Promise.all(writers.map((writer) => writer.stop()));
  await adopting?.nodes.shutDown();
  await proxy?.close();
  await old?.stop();
  files?.remove();
});

function change(how: DirectionChange): void {
  proxy.change('here', 'there', how);
  proxy.change('there', 'here', how);
}

async function begin(): Promise<Adopting> {
  await adopting?.nodes.shutDown();
  adopting = await follow(await files.context('west'), old, { host: seenAt, tls: old.tls });
  return adopting;
}

/** Whether the database is open on the old server, asked past the line. */
async function isOpen(): Promise<boolean> {
  const [row] = await old.query(
    'postgres',
    `SELECT datallowconn AS open FROM pg_database WHERE datname = 'app'`,
  );
  return row?.['open'] === 't';
}

/** A session of the application that cannot end: the closing waits for it. */
async function startStuck(): Promise<() => void> {
  const { host, port, tls } = old;
  const login = { host, port, database: 'app', user: 'shop', password: oldPassword };
  const client = new pg.Client({ ...login, ssl: { ca: tls.authority } });
  client.on('error', () => undefined);
  await client.connect();
  const { rows } = await client.query<{ pid: number }>('SELECT pg_backend_pid() AS pid');
  const pid = rows[0]?.pid ?? 0;
  process.kill(pid, 'SIGSTOP');
  return () => {
    process.kill(pid, 'SIGCONT');
    void client.end().catch(() => undefined);
  };
}

test('a copy that follows goes on after a cut: nothing is copied again', async () => {
  const { nodes, id } = await begin();
  const { pid } = nodes.stateOf(id);
  change({ action: 'cut' });
  const behind = async (): Promise<boolean> => {
    const sql = 'SELECT FROM pg_stat_replication';
    return (await old.query('postgres', sql)).length === 0;
  };
  await eventually(behind, waiting);
  const reached = writers[0]?.written.length ?? 0;
  await eventually(() => (writers[0]?.written.length ?? 0) > reached + 50, waiting);
  change({ action: 'heal' });
  const isBack = async (): Promise<boolean> => {
    const sql = `SELECT FROM pg_stat_replication WHERE state = 'streaming'`;
    return (await old.query('postgres', sql)).length === 1;
  };
  await eventually(isBack, waiting);
  assert.equal(nodes.stateOf(id).adoption?.phase, 'following');
  assert.equal(nodes.stateOf(id).pid, pid);
});

for (const how of ['freeze', 'cut'] as const) {
  test(`${how} while the old database is being closed: the next attempt opens it`, async () => {
    const { context, nodes, id, done } = await begin();
    const release = await startStuck();
    try {
      nodes.takeOver(id);
      await eventually(async () => !(await isOpen()), waiting);
      change({ action: how });
      await assert.rejects(done, /app on the old server is still closed/);
    } finally {
      release();
    }
    assert.ok(existsSync(closingFile(context.paths)));
    assert.ok(
      !existsSync(join(context.paths.postgresFolder, 'pg-1/adopted-tls')),
      'no key is left',
    );
    change({ action: 'heal' });
    const reached = writers[0]?.written.length ?? 0;
    await begin();
    assert.ok(await isOpen());
    assert.ok(!existsSync(closingFile(context.paths)));
    await eventually(() => (writers[0]?.written.length ?? 0) > reached + 50, waiting);
  });
}
