// test: alone deadline 900 s
/**
 * Tests of what differs between major versions of PostgreSQL, run once more with 17: every type,
 * DDL, globals, slots and publications, base backups, adoption up to the whole of it.
 * `deploy/postgres-17.long.test.ts` has a cluster on it.
 */
import assert from 'node:assert/strict';
import { join } from 'node:path';
import { test } from 'node:test';
import { olderPostgres } from '../../../infra/scripts/older-parts.mjs';
import { reachablePostgresHome } from '../../../services/local/postgres-place.ts';
import { postgresUser } from '../../../services/local/programs.ts';
import { runJob } from '../../helpers/runner/run-job.ts';

const home = await reachablePostgresHome(olderPostgres('17'), postgresUser());
process.env['MERIDIAN_PART_POSTGRES'] = home;

for (const file of [
  'replicator/column-values',
  'replicator/ddl',
  'replicator/ddl-forms',
  'replicator/migrations',
  'replicator/refused',
  'replicator/verify',
  'replicator/globals',
  'replicator/slot',
  'failover/node-effects',
  'failover/sequences',
  'local/postgres-nodes',
  'local/base-backup',
  'local/schema',
  'local/adoption',
  'cli/adopt',
  'deploy/adopt.long',
]) {
  test(`${file}: passes with PostgreSQL 17`, async (t) => {
    const targets = [join(import.meta.dirname, `../${file}.test.ts`)];
    const what = { title: file, kind: 'tests', lane: 'alone' } as const;
    const job = { ...what, targets, deadlineMs: 900_000 };
    const { passed, failures } = await runJob(job, { isLong: false, filters: [] });
    t.diagnostic(`${String(passed)} passed`);
    assert.deepEqual(failures, []);
    assert.ok(passed > 0);
  });
}
