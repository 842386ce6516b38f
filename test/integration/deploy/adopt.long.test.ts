// test: alone deadline 660 s
/**
 * A database of a gigabyte that lives on a server of its own is adopted while pgbench and another
 * client write: copied, followed, taken over; then the other regions are seeded, and the primary is
 * moved. Nothing that was answered is missing, and how long writes paused is measured.
 */
import assert from 'node:assert/strict';
import { existsSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { withPg } from '../../../shared/pg/client.ts';
import { eventually } from '../../helpers/eventually.ts';
import { runCli, type CliResult } from '../cli/cli-run.ts';
import { SecuredHosts } from '../security/hosts.ts';
import { fillDatabase, startApplication, type Application, type Place } from './application.ts';
import { statusOf } from './cluster-status.ts';
import { oldPassword, startOldServer, type OldServer } from './old-server.ts';

const scale = 70;
/** On a busy machine; what a take-over waits for is bounded by ten seconds each. */
const pauseMaxMs = 3000;
const regions = ['eu-west', 'us-east', 'ap-south'];
const waiting = { deadlineMs: 300_000, intervalMs: 1000 };
let hosts: SecuredHosts;
let old: OldServer;
let application: Application;

before(async () => {
  hosts = await SecuredHosts.make(regions);
  old = await startOldServer(hosts.region('eu-west').bind, join(hosts.folder, 'old'));
  await old.admit('hostssl');
  await fillDatabase(old, scale);
  await old.query('app', 'CREATE TABLE beat (n int PRIMARY KEY); ALTER TABLE beat OWNER TO shop');
  application = startApplication(() => [...regions.map(placeOf), old]);
  await eventually(() => application.written.size > 10);
});

after(async () => {
  await application?.stop();
  await hosts?.remove();
  await old?.stop();
});

function placeOf(id: string): Place {
  const { bind, nodes } = hosts.region(id);
  return { host: bind, port: nodes[0]?.port ?? 5432 };
}

const adopt = (...more: string[]): Promise<CliResult> => adoptAt(old.port, ...more);

function adoptAt(port: number, ...more: string[]): Promise<CliResult> {
  const secured = `sslmode=verify-full&sslrootcert=${old.authorityFile}`;
  const url = `postgresql://postgres@${old.host}:${String(port)}/app?${secured}`;
  const env = { PGPASSWORD: oldPassword };
  return runCli(['adopt', url, ...more, ...hosts.flags('eu-west')], env);
}

/** As the superuser of the old server, on the node of region `id`. */
function ask(id: string, text: string): Promise<Record<string, string | null>[]> {
  const target = {
    ...{ ...placeOf(id), database: 'app', user: 'postgres', password: oldPassword },
    ...{ applicationName: 'test', connectTimeoutMs: 10_000 },
  };
  return withPg(target, async (client) => (await client.query(text)).rows);
}

test('the preflight has no obstacle and changes nothing', async () => {
  const { code, out } = await adopt();
  assert.equal(code, 0, out);
  const roles = await old.query('app', `SELECT FROM pg_roles WHERE rolname LIKE 'meridian%'`);
  assert.equal(roles.length, 0);
});

test('with --yes it becomes the primary of epoch 1 while the application writes', async (t) => {
  const adopting = adopt('--yes');
  const folder = join(hosts.dataFolder('eu-west'), 'regions/eu-west');
  await eventually(() => existsSync(join(folder, 'adopt.json')), waiting);
  for (const region of regions) hosts.up(region);
  const { code, err } = await adopting;
  assert.equal(code, 0, err);
  t.diagnostic(/took over in .*/.exec(err)?.[0] ?? 'it does not say how long it took');
  // Written when the closing of the old database begins.
  const closingAtMs = statSync(join(folder, 'adopted.json')).mtimeMs;
  const pauseMs = application.pauseAtMs(closingAtMs);
  t.diagnostic(`writes paused for ${String(pauseMs)} ms, scale ${String(scale)}`);
  const now = await statusOf(hosts, 'us-east');
  assert.equal(now?.primary, 'eu-west');
  assert.ok(!existsSync(join(folder, 'adopt.json')), 'the password of the old server is gone');
  assert.ok(pauseMs > 0 && pauseMs < pauseMaxMs, `writes paused for ${String(pauseMs)} ms`);
});

test('the old server lets nobody in, its superuser neither', async () => {
  await assert.rejects(old.query('app', 'SELECT 1'), /not currently accepting connections/);
});

test('adopted again, it is done; another database is refused', async () => {
  assert.equal((await adopt('--yes')).code, 0);
  const other = await adoptAt(old.port + 1, '--yes');
  assert.equal(other.code, 3);
  assert.match(other.err, /begun with another server's database/);
});

test('the other regions are seeded, and a switchover loses nothing either', async (t) => {
  await eventually(async () => (await statusOf(hosts, 'us-east'))?.members.length === 2, waiting);
  application.longestPauseMs();
  const moved = await eventually(async () => {
    const result = await hosts.run('ap-south', ['switchover', 'us-east', '--yes']);
    return result.code === 0 ? result : null;
  }, waiting);
  assert.equal(moved.code, 0, moved.err);
  const reached = application.written.size;
  await eventually(() => application.written.size > reached + 20, waiting);
  const moveMs = application.longestPauseMs();
  t.diagnostic(`writes paused for ${String(moveMs)} ms by the switchover`);
});

test('by HTTP, with what the role app is granted', async () => {
  await ask('us-east', 'GRANT shop TO app');
  const { body } = await hosts.query('ap-south', 'SELECT count(*) AS n FROM beat', 'strong');
  const [row] = (body as { rows: { n: unknown }[] }).rows;
  assert.ok(Number(row?.n) >= application.written.size - 1);
});

test('every answered write is there, once, and the sums agree in every region', async () => {
  await application.stop();
  const rows = await ask('us-east', 'SELECT n FROM beat');
  const found = new Set(rows.map(({ n }) => Number(n)));
  assert.deepEqual(
    [...application.written].filter((n) => !found.has(n)),
    [],
  );
  const [sums] = await ask(
    'us-east',
    `SELECT (SELECT sum(abalance) FROM pgbench_accounts) AS a,
       (SELECT sum(bbalance) FROM pgbench_branches) AS b,
       (SELECT sum(tbalance) FROM pgbench_tellers) AS t,
       (SELECT sum(delta) FROM pgbench_history) AS h`,
  );
  assert.equal(new Set(Object.values(sums ?? {})).size, 1, JSON.stringify(sums));
  const { code, out } = await hosts.run('us-east', ['verify', '--load', '100', '--range', '50000']);
  assert.equal(code, 0, out);
});
