// test: deadline 240 s
/**
 * A history of migrations, run unchanged by Alembic (from PyPI, in a folder of its own): each one
 * up, all down, all up; after each step rows and catalogs are equal on the other server.
 */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { assertEqualRegions } from '../../helpers/replication/equal-regions.ts';
import { startPair, type ReplicatedPair } from '../../helpers/replication/pair.ts';
import { testPassword } from '../../helpers/postgres.ts';

const script = join(import.meta.dirname, '../../fixtures/replication/alembic/run.py');
const packages = ['alembic==1.16.5', 'SQLAlchemy==2.0.43', 'psycopg2-binary==2.9.10'];
const folder = mkdtempSync(join(tmpdir(), 'meridian-alembic-'));
const python = join(folder, 'bin/python');
let pair: ReplicatedPair;

function run(program: string, ...args: readonly string[]): void {
  const env = { ...process.env, PYTHONDONTWRITEBYTECODE: '1' };
  const { status, stderr } = spawnSync(program, args, { encoding: 'utf8', env });
  assert.equal(status, 0, stderr);
}

before(async () => {
  run('python3', '-m', 'venv', folder);
  run(python, '-m', 'pip', 'install', '-q', ...packages);
  pair = await startPair();
  // Nobody releases commits that wait for another region here.
  await pair.source.query('ALTER ROLE app SET synchronous_commit = local');
});

after(async () => {
  rmSync(folder, { recursive: true, force: true });
  await pair?.stop();
});

async function migrate(direction: 'upgrade' | 'downgrade', to: string): Promise<void> {
  const { address, port } = pair.source;
  const url = `postgresql://app:${testPassword}@${address}:${port}/app`;
  run(python, script, url, direction, to);
  await pair.caughtUp();
  await assertEqualRegions(pair.source, pair.target);
}

test('Alembic: one migration after the other', async () => {
  for (const revision of ['a1', 'a2', 'a3']) await migrate('upgrade', revision);
  const rows = await pair.target.query('SELECT count(*) AS n FROM orders WHERE cents > 0');
  assert.deepEqual(rows, [{ n: '50' }]);
});

test('Alembic: down to the ground, and up at once', async () => {
  await migrate('downgrade', 'base');
  await migrate('upgrade', 'head');
});
