// test: deadline 300 s
/**
 * A history of migrations, run unchanged by Flyway (from Maven Central): step by step, then
 * everything dropped and all at once; after each step rows and catalogs are equal on the other
 * server. One of the migrations runs outside of a transaction.
 */
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { testPassword } from '../../helpers/postgres.ts';
import { assertEqualRegions } from '../../helpers/replication/equal-regions.ts';
import { startPair, type ReplicatedPair } from '../../helpers/replication/pair.ts';
import { whileCapturing } from '../../helpers/replication/while-capturing.ts';

const folder = join(import.meta.dirname, '../../fixtures/replication/flyway');
const plugin = 'org.flywaydb:flyway-maven-plugin';
let pair: ReplicatedPair;

before(async () => {
  pair = await startPair();
  // Nobody releases commits that wait for another region here.
  await pair.source.query(`ALTER ROLE app SET synchronous_commit = local;
    GRANT CREATE ON DATABASE app TO app`);
});

after(() => pair?.stop());

async function flyway(goal: 'migrate' | 'clean', options: readonly string[] = []): Promise<void> {
  const { address, port } = pair.source;
  const settings = [
    ...[`-Dflyway.url=jdbc:postgresql://${address}:${port}/app`, '-Dflyway.user=app'],
    ...[`-Dflyway.password=${testPassword}`, '-Dflyway.schemas=public,archive', ...options],
  ];
  const args = ['--batch-mode', '--quiet', '-f', folder, `${plugin}:${goal}`, ...settings];
  const child = spawn('mvn', args, { stdio: ['ignore', 'pipe', 'pipe'] });
  let said = '';
  for (const stream of [child.stdout, child.stderr]) {
    stream.on('data', (chunk: Buffer) => (said += chunk.toString()));
  }
  await whileCapturing(pair.source, () => once(child, 'close'));
  assert.equal(child.exitCode, 0, said);
  await pair.caughtUp();
  await assertEqualRegions(pair.source, pair.target);
}

async function versions(): Promise<unknown[]> {
  const rows = await pair.target.query(
    `SELECT coalesce(version, description) AS of FROM public.flyway_schema_history
     WHERE success AND type = 'SQL' ORDER BY installed_rank`,
  );
  return rows.map((row) => row['of']);
}

test('Flyway: one migration after the other', async () => {
  for (const version of ['1.1', '2', '3', '4']) {
    await flyway('migrate', [`-Dflyway.target=${version}`]);
  }
  await flyway('migrate');
  assert.ok((await versions()).includes('5'));
  const rows = await pair.target.query('SELECT count(*) AS n FROM account WHERE plan = $1', [
    'paid',
  ]);
  assert.deepEqual(rows, [{ n: '10' }]);
});

test('Flyway: everything dropped, and all at once', async () => {
  await flyway('clean');
  assert.deepEqual(await pair.target.query(`SELECT to_regclass('account')::text AS t`), [
    { t: null },
  ]);
  await flyway('migrate');
  assert.ok((await versions()).includes('5'));
});
