/** A backend that dies takes its server down whole: nothing that was waiting is served as done. */
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { connectPg } from '../../../shared/pg/client.ts';
import { eventually } from '../../helpers/eventually.ts';
import {
  openToApplications,
  startTestServer,
  testAddress,
  type TestServer,
} from '../../helpers/postgres.ts';

let server: TestServer;

before(async () => {
  server = await startTestServer(testAddress(2));
  await openToApplications(server);
});

after(() => server.stop());

test('trap 77: after the crash of a backend the server is closed, ghosts and all', async () => {
  const app = await connectPg(server.target('app'));
  await app.query(`SET synchronous_commit = local; CREATE TABLE work (id int PRIMARY KEY)`);
  const other = await connectPg(server.target('app'));
  const [start] = await server.query('SELECT pg_postmaster_start_time() AS at');
  const { rows } = await app.query<{ pid: string }>('SELECT pg_backend_pid() AS pid');
  await app.query('SET synchronous_commit = remote_write');
  const ended = Promise.all(
    [app, other].map((client) => {
      client.on('error', () => undefined);
      return new Promise((resolve) => client.once('end', resolve));
    }),
  );
  // Nobody releases it: the server has no standby of that name.
  const outcome = app.query('INSERT INTO work VALUES (1)').then(
    () => 'committed',
    () => 'unknown',
  );
  const waits = `SELECT 1 FROM pg_stat_activity WHERE wait_event = 'SyncRep'`;
  await eventually(async () => (await server.query(waits)).length === 1);
  process.kill(Number(rows[0]?.pid), 'SIGKILL');
  await ended;
  assert.equal(await outcome, 'unknown');
  const isDown = async (): Promise<boolean> =>
    server.query('SELECT 1').then(
      () => false,
      (error: unknown) => (error as { code?: string }).code === 'ECONNREFUSED',
    );
  await eventually(isDown);
  await server.kill();
  await server.start();
  await assert.rejects(connectPg(server.target('app')), { code: '57P03' });
  // The ghost is there: this is why nobody is let in before the region knows who holds it.
  assert.deepEqual(await server.query('SELECT id FROM work'), [{ id: '1' }]);
  const [again] = await server.query('SELECT pg_postmaster_start_time() AS at');
  assert.notEqual(again?.['at'], start?.['at']);
});
