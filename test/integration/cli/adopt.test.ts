/** `meridian adopt` against real servers: one that nothing keeps back, one with many obstacles. */
import assert from 'node:assert/strict';
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { startTestServer, testAddress, type TestServer } from '../../helpers/postgres.ts';
import { runCli } from './cli-run.ts';

interface Found {
  readonly check: string;
  readonly verdict: 'ok' | 'note' | 'obstacle';
  readonly found: string;
  readonly fix: string | null;
}

let fit: TestServer;
let unfit: TestServer;

before(async () => {
  fit = await startTestServer(testAddress(2));
  const settings = {
    ...{ wal_level: 'minimal', max_prepared_transactions: '5', max_wal_senders: '0' },
    // Else Meridian's own triggers would refuse some of it.
    event_triggers: 'off',
  };
  unfit = await startTestServer(testAddress(3), settings);
  for (const statement of [
    'CREATE TABLE keyless (body text)',
    'CREATE UNLOGGED TABLE forgetful (id int PRIMARY KEY)',
    'SET allow_system_table_mods = on; INSERT INTO pg_largeobject_metadata VALUES (90000, 10)',
    'CREATE DATABASE another',
  ]) {
    await unfit.query(statement);
  }
});

after(async () => {
  await fit?.stop();
  await unfit?.stop();
});

async function adopt(
  server: TestServer,
): Promise<{ code: number | null; findings: readonly Found[] }> {
  const url = `postgresql://meridian_owner@${server.address}:${server.port}/app`;
  const { code, out, err } = await runCli(['adopt', url, '--json'], {});
  assert.equal(err, '');
  return { code, findings: (JSON.parse(out) as { findings: Found[] }).findings };
}

test('a database that nothing keeps back', async () => {
  const { code, findings } = await adopt(fit);
  assert.deepEqual(
    findings.filter(({ verdict }) => verdict === 'obstacle'),
    [],
  );
  assert.equal(code, 0);
});

test('every obstacle is found, with its fix; nothing is changed', async () => {
  const counts = `SELECT (SELECT count(*) FROM pg_class) AS classes,
    (SELECT count(*) FROM pg_roles) AS roles, (SELECT count(*) FROM pg_settings
      WHERE source = 'configuration file') AS settings`;
  const before = await unfit.query(counts);
  const { code, findings } = await adopt(unfit);
  assert.deepEqual(await unfit.query(counts), before);
  assert.equal(code, 3);
  const obstacles = findings.filter(({ verdict }) => verdict === 'obstacle');
  assert.deepEqual(obstacles.map(({ check }) => check).toSorted(), [
    'event_triggers',
    'large objects',
    'max_prepared_transactions',
    'other databases',
    'senders and slots',
    'unlogged tables',
    'wal_level',
  ]);
  assert.ok(obstacles.every(({ fix }) => fix !== null && fix.length > 10));
  const keyless = findings.find(({ check }) => check === 'replica identity');
  assert.deepEqual([keyless?.verdict, keyless?.found], ['note', 'no usable key: public.keyless']);
});

test('a password in the URL works, with a warning that does not show it', async () => {
  const url = `postgresql://meridian_owner:secret@${fit.address}:${fit.port}/app`;
  const { code, err } = await runCli(['adopt', url], {});
  assert.equal(code, 0);
  assert.match(err, /PGPASSWORD/);
  assert.doesNotMatch(err, /secret/);
});

test('--yes on another host than that of the first region is refused', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'meridian-adopt-'));
  try {
    const places = 'eu-west=127.0.0.2,us-east=127.0.0.3,ap-south=127.0.0.4';
    const made = await runCli(['init', '--regions', places, '--plain', '--output', folder], {});
    assert.equal(made.code, 0, made.err);
    const url = `postgresql://postgres@127.0.0.1:${fit.port}/app`;
    const files = ['--config', join(folder, 'meridian.yaml'), '--data', join(folder, 'data')];
    for (const secrets of ['us-east.secrets.yaml', 'nobody.yaml']) {
      const named = [...files, '--secrets', join(folder, secrets)];
      const { code, err } = await runCli(['adopt', url, '--yes', ...named], {});
      assert.equal(code, 3);
      assert.match(err, /not the host of eu-west/);
    }
    assert.ok(!existsSync(join(folder, 'data')), 'nothing is written');
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
});
