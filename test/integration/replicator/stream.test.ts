/** What a stream holds beside plain rows: messages, subtransactions, sequences, local tables. */
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { UnseenCapture } from '../../../services/replicator/io/capture/unseen-capture.ts';
import { connectPg } from '../../../shared/pg/client.ts';
import { assertEqualRegions } from '../../helpers/replication/equal-regions.ts';
import { startPair, type ReplicatedPair } from '../../helpers/replication/pair.ts';

let pair: ReplicatedPair;

before(async () => {
  pair = await startPair({ chunkBytesMax: 64 * 1024, groupTransactionsMax: 3 });
  await pair.app.query('CREATE TABLE work (id int PRIMARY KEY, v text)');
});

after(() => pair.stop());

async function equal(): Promise<void> {
  await pair.caughtUp(30_000);
  await assertEqualRegions(pair.source, pair.target);
}

const messages = `SELECT pg_logical_emit_message(true, 'a', 'x'),
  pg_logical_emit_message(false, 'b', 'y')`;

test('trap 14: logical messages carry no data, rolled back or not', async () => {
  await pair.source.query(`BEGIN; ${messages}; INSERT INTO work VALUES (-1, 'gone'); ROLLBACK`);
  await pair.source.query(`BEGIN; ${messages}; INSERT INTO work VALUES (-2, 'kept'); COMMIT`);
  await equal();
});

test('trap 17: ten thousand subtransactions, half of them rolled back', async () => {
  await pair.app.query(
    `DO $$ BEGIN FOR i IN 1..10000 LOOP
       BEGIN
         INSERT INTO work VALUES (i, repeat('v', 30));
         IF i % 2 = 0 THEN RAISE EXCEPTION 'undone'; END IF;
       EXCEPTION WHEN raise_exception THEN NULL;
       END;
     END LOOP; END $$`,
  );
  await equal();
});

test('trap 15: rows of megabytes come through a small queue, in chunks', async () => {
  await pair.app.query('CREATE TABLE wide (id int PRIMARY KEY, v text)');
  await pair.app.query(
    `INSERT INTO wide SELECT g, repeat(md5(g::text), 50000) FROM generate_series(1, 20) g`,
  );
  await pair.app.query(`UPDATE wide SET v = v || 'x' WHERE id < 4; DELETE FROM wide WHERE id > 15`);
  await equal();
});

test('trap 44: marks ahead of sequences travel as rows', async () => {
  await pair.app.query(`CREATE SEQUENCE counted CACHE 7; SELECT nextval('counted')`);
  await pair.app.query(`CREATE SEQUENCE cycling MAXVALUE 3 CYCLE; SELECT nextval('cycling')`);
  const capture = new UnseenCapture(pair.source.target('meridian_applier'), 1000);
  await capture.capture();
  capture.close();
  await pair.caughtUp();
  const rows = await pair.target.query(
    `SELECT sequence_name AS name, last_value AS value
     FROM meridian.sequence_value WHERE schema_name = 'public' ORDER BY 1`,
  );
  assert.deepEqual(rows, [
    { name: 'counted', value: '1007' },
    { name: 'cycling', value: '2' },
  ]);
});

test('trap 48: a prepared transaction is refused at the source', async () => {
  await assert.rejects(
    pair.app.query(`BEGIN; INSERT INTO work VALUES (-3); PREPARE TRANSACTION 'p'`),
    /prepared transactions are disabled/,
  );
  await pair.app.query('ROLLBACK');
});

test('captured commands are pruned, and a region far behind still runs each of them', async () => {
  const held = await connectPg(pair.target.target('meridian_owner'));
  await held.query(`BEGIN; LOCK TABLE work IN ACCESS EXCLUSIVE MODE`);
  await pair.app.query(`INSERT INTO work VALUES (20000, 'waits for the lock over there')`);
  for (let n = 0; n < 12; n += 1) {
    await pair.app.query(`CREATE TABLE pruned_${n} (id int PRIMARY KEY)`);
    await pair.app.query(`INSERT INTO pruned_${n} VALUES (1)`);
  }
  const capture = new UnseenCapture(pair.source.target('meridian_applier'), 5);
  for (let round = 0; round < 30; round += 1) await capture.capture();
  capture.close();
  const ids = `SELECT count(*) AS rows, max(id) - min(id) AS span FROM meridian.ddl`;
  assert.deepEqual(await pair.source.query(ids), [{ rows: '5', span: '4' }]);
  await held.query('ROLLBACK');
  await held.end();
  await equal();
  assert.deepEqual(await pair.target.query(ids), [{ rows: '5', span: '4' }]);
  assert.deepEqual(await pair.target.query('SELECT id FROM pruned_0'), [{ id: '1' }]);
});

test('trap 75: tables of one region alone never leave it', async () => {
  const insert = `INSERT INTO meridian_local.checkpoint (next_offset, state) VALUES (1, '{}')`;
  await pair.source.query(insert);
  await equal();
  assert.deepEqual(await pair.target.query('SELECT 1 FROM meridian_local.checkpoint'), []);
});
