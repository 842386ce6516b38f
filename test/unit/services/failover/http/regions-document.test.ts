/** What one region answers for the whole cluster: lease, seals, the last change. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { regionsDocument } from '../../../../../services/failover/http/regions-document.ts';
import { controllerAccess } from '../../../../helpers/controller-access.ts';
import {
  primaryState,
  record,
  replicaState,
  us,
  withRecords,
} from '../../../../helpers/controllers.ts';

test('a primary tells what is left of its lease; a replica knows of none', async () => {
  const primary = await regionsDocument(controllerAccess({ state: primaryState() }));
  assert.equal(primary['leaseRemainingMs'], 4000);
  const replica = await regionsDocument(controllerAccess({ state: replicaState() }));
  assert.equal(replica['leaseRemainingMs'], null);
});

test('the last change is the newest epoch of the history; no change is under way', async () => {
  const document = await regionsDocument(controllerAccess({ state: primaryState() }));
  const last = document['lastChange'] as Record<string, unknown>;
  assert.deepEqual([last['epoch'], last['to'], last['from']], [1, 'eu-west', null]);
  assert.equal(document['change'], null);
});

test('a change that waits says which promises were given and what is needed', async () => {
  const prepare = record.prepare(2, {
    change: 'switchover',
    preferred: us,
    operation: { id: 'op-1', by: 'ann', reason: '', atMs: 1 },
  });
  const state = withRecords(replicaState(), prepare, record.seal(2, us, { at: '1:0/10' }));
  const { change } = (await regionsDocument(controllerAccess({ state }))) as {
    change: Record<string, unknown>;
  };
  assert.deepEqual(change['seals'], [{ region: 'us-east', position: '1:0/10', final: false }]);
  assert.match(String(change['waitsFor']), /final seal of eu-west/);
  assert.deepEqual(
    [change['kind'], change['to'], change['attempt'], change['operationId']],
    ['switchover', 'us-east', 1, 'op-1'],
  );
});
