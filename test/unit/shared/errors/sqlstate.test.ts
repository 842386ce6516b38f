import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  isConnectionLoss,
  isReadOnlyNode,
  isRetryableLock,
  loginRefusalOf,
  sqlstateOf,
  uniqueIndexOf,
} from '../../../../shared/errors/sqlstate.ts';

const database = (code: string): unknown =>
  Object.assign(new Error('x'), { code, severity: 'ERROR' });

test('only database errors have a SQLSTATE', () => {
  assert.equal(sqlstateOf(database('23505')), '23505');
  assert.equal(sqlstateOf(Object.assign(new Error('x'), { code: 'EPIPE' })), null);
  assert.equal(sqlstateOf('23505'), null);
});

test('what counts as a lost connection', () => {
  for (const code of ['08006', '57P01', '57P03'])
    assert.equal(isConnectionLoss(database(code)), true);
  assert.equal(isConnectionLoss(Object.assign(new Error('x'), { code: 'ECONNRESET' })), true);
  assert.equal(isConnectionLoss(new Error('Connection terminated unexpectedly')), true);
  assert.equal(isConnectionLoss(database('57014')), false);
});

test('locks and read-only nodes', () => {
  assert.equal(isRetryableLock(database('40P01')), true);
  assert.equal(isRetryableLock(database('23505')), false);
  assert.equal(isReadOnlyNode(database('25006')), true);
});

test('the unique index that refused a row', () => {
  const named = { schema: 's', constraint: 'i' };
  const refused = Object.assign(database('23505') as Error, named);
  assert.deepEqual(uniqueIndexOf(refused), { schema: 's', name: 'i' });
  assert.equal(uniqueIndexOf(database('23505')), null);
  assert.equal(uniqueIndexOf(Object.assign(database('23514') as Error, named)), null);
});

test('why a login failed', () => {
  const login = (code: string, routine: string): unknown =>
    Object.assign(database(code) as Error, { routine });
  assert.equal(loginRefusalOf(login('28P01', 'auth_failed')), 'password');
  assert.equal(loginRefusalOf(login('28000', 'ClientAuthentication')), 'no-rule');
  assert.equal(loginRefusalOf(login('28000', 'InitializeSessionUserId')), 'password');
  assert.equal(loginRefusalOf(login('28000', 'auth_failed')), 'other-method');
  assert.equal(loginRefusalOf(login('53300', 'InitProcess')), null);
});
