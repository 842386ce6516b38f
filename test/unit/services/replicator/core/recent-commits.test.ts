import assert from 'node:assert/strict';
import { test } from 'node:test';
import { RecentCommits } from '../../../../../services/replicator/core/recent-commits.ts';
import type { Lsn } from '../../../../../shared/core/lsn.ts';

function commitsTo(count: number): RecentCommits {
  const commits = new RecentCommits(8n as Lsn);
  for (let index = 1; index <= count; index += 1) commits.add(BigInt(8 + index * 8) as Lsn, index);
  return commits;
}

test('the last transaction at or below an LSN is found', () => {
  const commits = commitsTo(3);
  assert.equal(commits.lastAtOrBelow(24n as Lsn), 24n);
  assert.equal(commits.lastAtOrBelow(31n as Lsn), 24n);
  assert.equal(commits.lastAtOrBelow(99n as Lsn), 32n);
  assert.equal(commits.lastAtOrBelow(9n as Lsn), 8n);
  assert.equal(commits.lastAtOrBelow(7n as Lsn), 0n);
});

test('trap 63: a transaction stays listed for a while after it was released', () => {
  const commits = commitsTo(3);
  assert.deepEqual(commits.unreleased(24n as Lsn), [1, 2]);
  commits.release(16n as Lsn, 0);
  assert.deepEqual(commits.unreleased(24n as Lsn), [1, 2]);
  commits.release(32n as Lsn, 100);
  commits.release(32n as Lsn, 5000);
  assert.deepEqual(commits.unreleased(99n as Lsn), []);
  assert.equal(commits.lastAtOrBelow(99n as Lsn), 32n);
});
