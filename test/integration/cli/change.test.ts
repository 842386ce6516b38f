/** Verbs that change something: what is sent, what is shown, the exit code. */
import assert from 'node:assert/strict';
import { afterEach, before, after, test } from 'node:test';
import { clusterConfigSchema } from '../../../services/cluster-config.ts';
import { localRegionPaths, clusterPaths } from '../../../services/local/region-paths.ts';
import { loadClusterFile, loadSecrets } from '../../../shared/config/load.ts';
import { MeridianError } from '../../../shared/errors/meridian-error.ts';
import { startAdminServer, type AdminServer, type AdminServerOptions } from './admin-server.ts';
import { createCliFolder, type CliFolder } from './cli-run.ts';

let place: CliFolder;
let server: AdminServer;

async function serve(facts: Partial<AdminServerOptions> = {}): Promise<void> {
  const config = loadClusterFile(clusterPaths(place.folder).clusterFile, clusterConfigSchema, {});
  const { secretsFile } = localRegionPaths(place.folder, 'eu-west');
  server = await startAdminServer({
    host: place.binds[0],
    clusterId: config.clusterId,
    keys: loadSecrets(secretsFile).shared.accessKeys,
    epoch: 1,
    primary: 'eu-west',
    ...facts,
  });
}

before(async () => {
  place = await createCliFolder();
});
after(async () => place.remove());
afterEach(async () => server.close());

test('switchover: asks the primary to give up, shows each step and the measure', async () => {
  await serve();
  const { code, out, err } = await place.run(['switchover', 'us-east', '--reason', 'test']);
  assert.equal(code, 0, err);
  assert.deepEqual(server.changes, [
    {
      path: '/admin/regions/eu-west/failover',
      body: { kind: 'switchover', to: 'us-east', reason: 'test', dryRun: false },
    },
  ]);
  assert.match(err, /5ms {2}prepared +epoch 2/);
  assert.match(err, /412ms {2}sealed +eu-west at 1:0\/10/);
  assert.match(err, /outcome +us-east is primary/);
  assert.match(out, /^REGION/);
});

test('switchover to the primary, or to nowhere, is a usage error', async () => {
  await serve();
  assert.equal((await place.run(['switchover', 'eu-west'])).code, 2);
  assert.equal((await place.run(['switchover', 'mars'])).code, 2);
  assert.deepEqual(server.changes, []);
});

test('a change that was replaced by another one failed', async () => {
  await serve({ phase: 'abandoned' });
  const { code, err } = await place.run(['switchover', 'us-east']);
  assert.equal(code, 1);
  assert.match(err, /ended as abandoned: replaced by another attempt/);
});

test('a change that takes longer than --timeout: exit 4, it goes on', async () => {
  await serve({ phase: 'opening' });
  const { code, err } = await place.run(['switchover', 'us-east', '--timeout', '500ms']);
  assert.equal(code, 4);
  assert.match(err, /op-1 still runs/);
});

test('a refusal by a safety rule: exit 3, with what to do', async () => {
  const hint = 'See it with: npx meridian status';
  await serve({ refuse: new MeridianError('OperationRunning', 'Another one runs.', { hint }) });
  const { code, err } = await place.run(['switchover', 'us-east']);
  assert.equal(code, 3);
  assert.match(err, /OperationRunning: Another one runs\.\n {2}See it with/);
});

test('failover asks first: without a terminal and without --yes nothing is sent', async () => {
  await serve();
  const { code, err } = await place.run(['failover', '--to', 'us-east']);
  assert.equal(code, 3);
  assert.match(err, /--yes/);
  assert.deepEqual(server.changes, []);
});

test('failover --yes sends what was asked for', async () => {
  await serve();
  const words = ['failover', '--to', 'us-east', '--accept-data-loss', '--yes'];
  assert.equal((await place.run(words)).code, 0);
  // Force is asked for only when the unforced attempt is not met.
  assert.deepEqual(
    server.changes.map(({ body }) => body),
    [{ kind: 'failover', to: 'us-east', reason: 'failover by the CLI', dryRun: false }],
  );
  assert.equal((await place.run(['failover', '--accept-data-loss', '--yes'])).code, 2);
});

test('pause and resume', async () => {
  await serve();
  assert.equal((await place.run(['pause', '--for', '2h'])).code, 0);
  assert.equal((await place.run(['resume'])).code, 0);
  assert.deepEqual(server.changes, [
    { path: '/admin/pause', body: { durationMs: 7_200_000, reason: 'maintenance' } },
    { path: '/admin/resume', body: {} },
  ]);
  assert.equal((await place.run(['pause', '--for', 'soon'])).code, 2);
});

const lostRow = {
  ...{ ordinal: 1, position: '2:0/5000', command: 'UPDATE', schema: 'public', table: 'ledger' },
  ...{ before: { id: '1', what: 'old' }, after: { id: '1', what: 'new '.repeat(30) } },
  ...{ confirmed: 'async-only', idempotencyKey: 'order-7', why: null },
};

test('diverged show: a line for each row, of every page; its values cut short', async () => {
  const diverged = Array.from({ length: 401 }, (_, index) => ({ ...lostRow, ordinal: index + 1 }));
  await serve({ diverged });
  const { code, out } = await place.run(['diverged', 'show', 'eu-west/3']);
  assert.equal(code, 0);
  const lines = out.trimEnd().split('\n');
  assert.match(lines[0] ?? '', /^# +POSITION +TABLE +COMMAND +BEFORE +AFTER +CONFIRMED +KEY$/);
  assert.match(
    lines[1] ?? '',
    /^1 +2:0\/5000 +public\.ledger +UPDATE +\{"id":"1","what":"old"\} +\{"id".*… +async-only/,
  );
  assert.deepEqual([lines.length, lines.at(-1)?.slice(0, 3)], [402, '401']);
  const json = await place.run(['diverged', 'show', 'eu-west/3', '--json']);
  assert.deepEqual((JSON.parse(json.out) as unknown[])[400], diverged[400]);
});

test('diverged show: what is not kept, and what is no tail, say what to do', async () => {
  await serve({ diverged: [] });
  const unknown = await place.run(['diverged', 'show', 'eu-west/9']);
  assert.equal(unknown.code, 2);
  assert.match(unknown.err, /Nothing is kept of eu-west before epoch 9/);
  const ofNode = await place.run(['diverged', 'export', 'eu-west/pg-1/9']);
  assert.match(ofNode.err, /Nothing is kept of eu-west\/pg-1 before epoch 9/);
  const wrong = await place.run(['diverged', 'show', 'eu-west']);
  assert.equal(wrong.code, 2);
  assert.match(wrong.err, /eu-west is no tail\.\n.*meridian diverged list/);
});
