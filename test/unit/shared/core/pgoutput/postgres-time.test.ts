import assert from 'node:assert/strict';
import { test } from 'node:test';
import { postgresUsOf, unixMsOf } from '../../../../../shared/core/pgoutput/postgres-time.ts';

test('time begins in the year 2000', () => {
  assert.equal(unixMsOf(0n), Date.UTC(2000, 0, 1));
  assert.equal(postgresUsOf(Date.UTC(2000, 0, 1)), 0n);
});

test('both ways lead back, parts of a millisecond are kept in one of them', () => {
  const at = Date.UTC(2026, 10, 29, 12, 0, 0, 7);
  assert.equal(unixMsOf(postgresUsOf(at)), at);
  assert.equal(postgresUsOf(at + 0.25) - postgresUsOf(at), 250n);
});
