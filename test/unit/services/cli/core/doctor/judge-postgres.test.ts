import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  judgeServer,
  type ServerFacts,
} from '../../../../../../services/cli/core/doctor/judge-postgres.ts';

const sound: ServerFacts = {
  versionNumber: 180_004,
  settings: {
    wal_level: 'logical',
    max_prepared_transactions: '0',
    restart_after_crash: 'off',
    synchronous_standby_names: 'meridian_closed',
    event_triggers: 'on',
    max_wal_senders: '16',
    max_replication_slots: '16',
    fsync: 'on',
    full_page_writes: 'on',
    data_checksums: 'on',
  },
  isSuperuser: true,
  encoding: 'UTF8',
  slots: [],
};
const slot = {
  name: 'meridian_1',
  status: 'reserved',
  isActive: true,
  heldBytes: 3 * 1024 * 1024,
  catalogAge: 10,
};
const setting = (name: string, value: string): ServerFacts => ({
  ...sound,
  settings: { ...sound.settings, [name]: value },
});

test('a server as the node agent starts it is sound', () => {
  const [only, ...more] = judgeServer('eu-west/pg-1', sound);
  assert.deepEqual([only?.level, more.length], ['ok', 0]);
  assert.match(only?.found ?? '', /version 18\.4/);
});

for (const [name, facts, level, found] of [
  ['prepared transactions', setting('max_prepared_transactions', '10'), 'failed', /is 10/],
  ['wal_level', setting('wal_level', 'replica'), 'failed', /wal_level is replica/],
  ['no synchronous name', setting('synchronous_standby_names', ''), 'failed', /names is/],
  ['few slots', setting('max_replication_slots', '2'), 'failed', /slots is 2/],
  ['PostgreSQL 16', { ...sound, versionNumber: 160_003 }, 'failed', /version 16\.3/],
  ['no superuser', { ...sound, isSuperuser: false }, 'failed', /no superuser/],
  ['another encoding', { ...sound, encoding: 'LATIN1' }, 'failed', /LATIN1/],
  ['a read slot', { ...sound, slots: [slot] }, 'ok', /read, 3 MB held/],
  ['a lost slot', { ...sound, slots: [{ ...slot, status: 'lost' }] }, 'failed', /lost/],
  [
    'a slot that nobody reads',
    { ...sound, slots: [{ ...slot, isActive: false, heldBytes: 2 * 1024 ** 3 }] },
    'warning',
    /nobody reads it, 2048 MB/,
  ],
  [
    'a slot that keeps old rows',
    { ...sound, slots: [{ ...slot, catalogAge: 600_000_000 }] },
    'warning',
    /600000000 transactions/,
  ],
] as const) {
  test(`${name}: ${level}`, () => {
    const last = judgeServer('eu-west/pg-1', facts).at(-1);
    assert.equal(last?.level, level);
    assert.match(last?.found ?? '', found);
  });
}
