/** Groups whose statements are sent while later ones are still planned: all of it or nothing. */
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { assertEqualRegions } from '../../helpers/replication/equal-regions.ts';
import { startPair, type ReplicatedPair } from '../../helpers/replication/pair.ts';

let pair: ReplicatedPair;
const rows = 9000;

before(async () => {
  pair = await startPair({ chunkBytesMax: 8 * 1024 * 1024, groupTransactionsMax: 10_000 });
  await pair.app.query('CREATE TABLE many (id int PRIMARY KEY, place int UNIQUE, v text)');
});

after(() => pair.stop());

test('a burst of small transactions arrives whole and in order', async () => {
  await pair.app.query(
    `DO $$ BEGIN FOR i IN 1..${rows} LOOP
       INSERT INTO many VALUES (i, i, 'first'); COMMIT;
       IF i % 3 = 0 THEN UPDATE many SET v = v || i WHERE id = i / 3; COMMIT; END IF;
       IF i % 5 = 0 THEN DELETE FROM many WHERE id = i - 1; COMMIT; END IF;
     END LOOP; END $$`,
  );
  await pair.caughtUp(60_000);
  await assertEqualRegions(pair.source, pair.target);
});

test('values of a unique column change hands late in a large transaction', async () => {
  const last = rows - 2;
  await pair.app.query(
    `BEGIN; UPDATE many SET v = 'second';
     UPDATE many SET place = -1 WHERE id = 1; UPDATE many SET place = 1 WHERE id = ${last};
     UPDATE many SET place = ${last} WHERE id = 1; UPDATE many SET v = 'third'; COMMIT`,
  );
  await pair.caughtUp(60_000);
  await assertEqualRegions(pair.source, pair.target);
});

test('a row that is missing stops it, though later batches have gone out already', async () => {
  await pair.target.query('DELETE FROM many WHERE id = 2');
  await pair.app.query(`UPDATE many SET v = 'fourth'`);
  await assert.rejects(pair.caughtUp(60_000), /meets other rows than at its source/);
  const changed = await pair.target.query(`SELECT count(*) FROM many WHERE v = 'fourth'`);
  assert.deepEqual(changed, [{ count: '0' }]);
});
