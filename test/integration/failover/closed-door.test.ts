/** Whoever knocks at a closed node is refused there, and is no session that holds it open. */
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { readDatabaseFacts } from '../../../services/failover/io/watch/node-facts.ts';
import type { NodeId } from '../../../shared/core/node.ts';
import { connectPg, withPg } from '../../../shared/pg/client.ts';
import { eventually } from '../../helpers/eventually.ts';
import { startTestServer, testAddress, type TestServer } from '../../helpers/postgres.ts';

let server: TestServer;

before(async () => {
  server = await startTestServer(testAddress(2));
  await server.query(`CREATE FUNCTION wait_at_login() RETURNS event_trigger LANGUAGE plpgsql AS $$
    BEGIN
      IF session_user = 'app' THEN PERFORM pg_catalog.pg_advisory_xact_lock(1); END IF;
    END $$`);
  // Triggers of one event fire in the order of their names: before the login guard.
  await server.query(
    'CREATE EVENT TRIGGER a_wait_at_login ON login EXECUTE FUNCTION wait_at_login()',
  );
});

after(async () => {
  await server.stop();
});

test('a session that is being logged in counts neither as open nor as running', async () => {
  const holder = await connectPg(server.target());
  await holder.query('SELECT pg_advisory_lock(1)');
  const knocking = assert.rejects(connectPg(server.target('app')), /closed to applications/);
  await eventually(async () => {
    const rows = await server.query(
      `SELECT FROM pg_stat_activity WHERE usename = 'app' AND wait_event_type = 'Lock'`,
    );
    return rows.length === 1;
  });
  const node = 'eu-west/pg-1' as NodeId;
  const facts = await withPg(server.target(), (client) => readDatabaseFacts(client, node));
  assert.deepEqual([facts.applicationSessions, facts.runningTransactions], [0, 0]);
  await holder.end();
  await knocking;
});
