/**
 * A whole history of migrations, run unchanged by node-pg-migrate: up, down to the ground, up
 * again; after each direction rows and catalogs are equal on the other server.
 */
import assert from 'node:assert/strict';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { runner } from 'node-pg-migrate';
import { connectPg } from '../../../shared/pg/client.ts';
import { assertEqualRegions } from '../../helpers/replication/equal-regions.ts';
import { startPair, type ReplicatedPair } from '../../helpers/replication/pair.ts';
import { whileCapturing } from '../../helpers/replication/while-capturing.ts';

let pair: ReplicatedPair;
const folder = join(import.meta.dirname, '../../fixtures/replication/migrations');

before(async () => {
  pair = await startPair();
});

after(() => pair.stop());

async function migrate(direction: 'up' | 'down', count: number): Promise<number> {
  const client = await connectPg(pair.source.target('app'));
  await client.query('SET synchronous_commit = local');
  try {
    const ran = await whileCapturing(pair.source, () =>
      runner({
        ...{ dbClient: client, dir: folder, migrationsTable: 'migrations', direction, count },
        log: () => undefined,
      }),
    );
    await pair.caughtUp();
    await assertEqualRegions(pair.source, pair.target);
    return ran.length;
  } finally {
    await client.end();
  }
}

test('node-pg-migrate: one migration after the other', async () => {
  for (let n = 0; n < 6; n += 1) assert.equal(await migrate('up', 1), 1);
});

test('node-pg-migrate: down to the ground, and up at once', async () => {
  assert.equal(await migrate('down', Infinity), 6);
  assert.equal(await migrate('up', Infinity), 6);
});
