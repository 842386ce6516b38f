/**
 * SIGKILL of a replicator at each named failpoint of reader, writer, link and applier, under a
 * mixed workload, with logs that are trimmed all the time: after it is back nothing is lost,
 * nothing doubled, and the regions are equal.
 */
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { pino } from 'pino';
import { eventually } from '../../helpers/eventually.ts';
import { createDataLog } from '../../../shared/kafka/data-log.ts';
import { dataTopicOf } from '../../../shared/kafka/topic.ts';
import { connectPg } from '../../../shared/pg/client.ts';
import { systemClock } from '../../../shared/runtime/system-clock.ts';
import { assertEqualRegions } from '../../helpers/replication/equal-regions.ts';
import {
  startHandCluster,
  type HandCluster,
  type HandRegion,
} from '../../helpers/replication/hand-cluster.ts';

let cluster: HandCluster;
let replica: HandRegion;
let nextId = 0;

before(async () => {
  const kept = { logKeepMs: 300, logKeepBytes: 64 * 1024, retentionIntervalMs: 200 };
  cluster = await startHandCluster(2, { chunkBytesMax: 64 * 1024, ...kept });
  const [first] = cluster.replicas;
  assert.ok(first !== undefined);
  replica = first;
  await cluster.primary.server.query(
    `CREATE TABLE work (id int PRIMARY KEY, v text, n int); ALTER TABLE work OWNER TO app;
     CREATE TABLE tail (v text); ALTER TABLE tail OWNER TO app`,
  );
  await cluster.caughtUp(replica);
});

after(() => cluster.stop());

/** Small transactions, changes of one row, a moved key, equal rows, and one large transaction. */
async function work(): Promise<void> {
  const app = await connectPg(cluster.primary.server.target('app'));
  await app.query('SET synchronous_commit = local');
  const from = nextId;
  nextId += 10_000;
  for (let id = from; id < from + 60; id += 1) {
    await app.query(`INSERT INTO work VALUES ($1, 'small', 0)`, [id]);
    await app.query('UPDATE work SET n = n + 1 WHERE id = $1', [from]);
    await app.query(`INSERT INTO tail VALUES ('equal')`);
    if (id % 10 === 0) await app.query('UPDATE work SET id = $2 WHERE id = $1', [id, id + 5000]);
    if (id % 7 === 0) await app.query('DELETE FROM work WHERE id = $1', [id]);
  }
  await app.query(
    `INSERT INTO work
     SELECT g, repeat(md5(g::text), 10), 0 FROM generate_series($1::int, $2::int) g`,
    [from + 6000, from + 7500],
  );
  await app.query('DELETE FROM tail WHERE ctid = (SELECT min(ctid) FROM tail)');
  await app.end();
}

const failpoints: readonly (readonly ['primary' | 'replica', string])[] = [
  ['primary', 'log-writer.before-append=kill@5'],
  ['primary', 'log-writer.after-append=kill@9'],
  ['primary', 'leader.before-logged=kill@20'],
  ['primary', 'link.before-send=kill@12'],
  ['replica', 'follower.received=kill@15'],
  ['replica', 'log-writer.before-append=kill@4'],
  ['replica', 'log-writer.after-append=kill@8'],
  ['replica', 'applier.before-logged=kill@4'],
  ['replica', 'applier.before-commit=kill@4'],
  ['replica', 'applier.after-commit=kill@3'],
  ['primary', 'own-log.before-trim=kill@2'],
  ['replica', 'own-log.before-trim=kill@2'],
];

for (const [where, failpoint] of failpoints) {
  test(`trap 1: killed in the ${where} at ${failpoint}`, async () => {
    const region = where === 'primary' ? cluster.primary : replica;
    await region.kill();
    await region.start(failpoint);
    let isDead = false;
    void region.ended().then(() => (isDead = true));
    // A quick disk ends any number of rounds before a process that has just started takes part.
    const workOn = async (): Promise<boolean> => {
      if (!isDead) await work();
      return isDead;
    };
    await eventually(workOn, { deadlineMs: 20_000 }).catch(() =>
      assert.fail('the failpoint was not reached'),
    );
    const meanwhile = work();
    await region.start();
    await meanwhile;
    await cluster.caughtUp(replica).catch((error: unknown) => {
      throw new Error(`${String(error)}: ${replica.report()?.why ?? ''}`);
    });
    await assertEqualRegions(cluster.primary.server, replica.server);
  });
}

test('killed ten times at random under load', async () => {
  for (let round = 0; round < 10; round += 1) {
    const region = round % 2 === 0 ? cluster.primary : replica;
    const running = work();
    await new Promise((resolve) => setTimeout(resolve, Math.random() * 300));
    await region.kill();
    await region.start();
    await running;
  }
  await cluster.caughtUp(replica, 30_000);
  await assertEqualRegions(cluster.primary.server, replica.server);
});

test('what was sent behind a COMMIT that is refused is not committed', async () => {
  const from = nextId;
  nextId += 20_000;
  const refused = from + 8000;
  await replica.server.query(`
    SET event_triggers = off;
    CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql
    AS $$ BEGIN RAISE EXCEPTION 'refused at COMMIT'; END $$;
    CREATE CONSTRAINT TRIGGER refuse AFTER INSERT ON work DEFERRABLE INITIALLY DEFERRED
    FOR EACH ROW WHEN (NEW.id = ${refused}) EXECUTE FUNCTION refuse();
    ALTER TABLE work ENABLE ALWAYS TRIGGER refuse`);
  await replica.kill();
  const app = await connectPg(cluster.primary.server.target('app'));
  await app.query('SET synchronous_commit = local');
  await app.query(`DO $$ BEGIN FOR id IN ${from + 1}..${from + 16_000} LOOP
    INSERT INTO work VALUES (id, 'burst', 0); COMMIT; END LOOP; END $$`);
  await app.end();
  await replica.start();
  await eventually(() => /refused at COMMIT/.test(replica.report()?.why ?? ''), {
    deadlineMs: 60_000,
  });
  const rows = await replica.server.query(
    `SELECT count(*) = coalesce(max(id) - ${from}, 0) AS is_prefix,
       coalesce(max(id), 0) < ${refused} AS is_before
     FROM work WHERE id BETWEEN ${from} AND ${from + 20_000}`,
  );
  assert.deepEqual(rows, [{ is_prefix: 't', is_before: 't' }]);
  await replica.server.query('SET event_triggers = off; DROP FUNCTION refuse CASCADE');
  await cluster.caughtUp(replica, 60_000);
  await assertEqualRegions(cluster.primary.server, replica.server);
});

test('both logs were trimmed, and hold what a restart must know', async () => {
  for (const { id, report } of cluster.regions) {
    const target = { brokers: cluster.kafka.addresses, clientId: 'test', clock: systemClock };
    const topic = dataTopicOf(cluster.cluster.cell, id);
    const log = createDataLog({ ...target, topic, logger: pino({ level: 'silent' }) });
    // Killed at a bad moment, it may be looked at before its next round.
    const isTrimmed = async (): Promise<boolean> => (await log.bounds()).start > 0n;
    await eventually(isTrimmed, { deadlineMs: 30_000 });
    const { start } = await log.bounds();
    const kinds = new Set<string>();
    const signal = AbortSignal.timeout(30_000);
    for await (const { record } of log.read(start, { follow: false, signal })) {
      kinds.add(record.kind);
      if (record.kind === 'seed') assert.equal(record.store, report()?.store);
    }
    assert.ok(kinds.has('seed') && kinds.has('sealed'), [...kinds].join(', '));
    assert.equal(kinds.has('opened'), id === cluster.primary.id);
    log.close();
  }
});
