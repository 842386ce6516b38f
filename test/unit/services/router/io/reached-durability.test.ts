import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { ClusterView } from '../../../../../shared/core/cluster-view.ts';
import type { Epoch } from '../../../../../shared/core/epoch.ts';
import type { Lsn } from '../../../../../shared/core/lsn.ts';
import type { ReplicationStatus } from '../../../../../shared/ports/replication-status.ts';
import { reachedDurability } from '../../../../../services/router/io/reached-durability.ts';

const position = { epoch: 3 as Epoch, endLsn: 77n as Lsn };

async function reached(
  asked: 'semi-sync' | 'async',
  { held, k = 1, mayDegrade = false }: { held: number; k?: number; mayDegrade?: boolean },
): Promise<string> {
  let nowMs = 0;
  const status = { holders: () => ({ held, members: 2 }) } as unknown as ReplicationStatus;
  const clock = { monotonicMs: () => (nowMs += 100), epochMs: () => 0 };
  const options = { regionCount: 3, status, clock: clock as never, mayDegrade };
  const before = { k } as ClusterView;
  const { mode, regions } = await reachedDurability(options, asked, { position, before });
  return `${mode} ${regions}`;
}

test('K regions hold a semi-sync write that was released, whoever holds later ones', async () => {
  assert.equal(await reached('semi-sync', { held: 0 }), 'semi-sync 2/3');
  assert.equal(await reached('semi-sync', { held: 2 }), 'semi-sync 3/3');
});

test('of other writes no more is said than members have acknowledged', async () => {
  assert.equal(await reached('async', { held: 0 }), 'async 1/3');
  assert.equal(await reached('semi-sync', { held: 0, k: 0 }), 'logged 1/3');
  assert.equal(await reached('semi-sync', { held: 0, mayDegrade: true }), 'logged 1/3');
});
