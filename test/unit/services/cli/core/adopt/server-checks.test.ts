import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  checkServer,
  type ServerFacts,
} from '../../../../../../services/cli/core/adopt/server-checks.ts';
import { goodFacts, goodServer } from './facts.ts';

type Row = readonly [
  name: string,
  change: Partial<ServerFacts>,
  check: string,
  verdict: 'note' | 'obstacle',
];

const setting = (name: string, value: string): Partial<ServerFacts> => ({
  settings: { ...goodServer.settings, [name]: value },
});

const rows: readonly Row[] = [
  ['an old version', { version: 160_003 }, 'version', 'obstacle'],
  ['another major version', { version: 170_002 }, 'version', 'obstacle'],
  ['another architecture', { versionText: 'on aarch64-linux' }, 'version', 'obstacle'],
  ['no superuser', { isSuperuser: false }, 'privileges', 'obstacle'],
  ['a standby', { isInRecovery: true }, 'privileges', 'obstacle'],
  ['wal_level minimal', setting('wal_level', 'minimal'), 'wal_level', 'obstacle'],
  [
    'two-phase commit',
    setting('max_prepared_transactions', '5'),
    'max_prepared_transactions',
    'obstacle',
  ],
  [
    'standbys of its own',
    setting('synchronous_standby_names', 's1'),
    'synchronous_standby_names',
    'obstacle',
  ],
  ['another encoding', setting('server_encoding', 'LATIN1'), 'server_encoding', 'obstacle'],
  ['no fsync', setting('fsync', 'off'), 'fsync', 'obstacle'],
  ['no checksums', setting('data_checksums', 'off'), 'data_checksums', 'obstacle'],
  ['few senders', setting('max_wal_senders', '1'), 'senders and slots', 'obstacle'],
  ['slots in use', { slotsInUse: 10 }, 'senders and slots', 'obstacle'],
  ['more connections', setting('max_connections', '500'), 'limits', 'note'],
  [
    'a strange library',
    setting('shared_preload_libraries', 'auto_explain, odd'),
    'libraries',
    'obstacle',
  ],
  ['tablespaces', { tablespaces: ['fast'] }, 'tablespaces', 'obstacle'],
  ['other databases', { otherDatabases: ['wiki'] }, 'other databases', 'obstacle'],
  ['superusers', { superuserSessions: ['postgres'] }, 'sessions', 'note'],
  ['a long transaction', { oldestTransactionSeconds: 61 }, 'transactions', 'note'],
];

test('nothing stands in the way of a server that has everything', () => {
  const findings = checkServer(goodFacts);
  assert.deepEqual([...new Set(findings.map(({ verdict }) => verdict))], ['ok']);
});

for (const [name, change, check, verdict] of rows) {
  test(`${name}: ${verdict}, with its fix`, () => {
    const wrong = checkServer({ ...goodFacts, server: { ...goodServer, ...change } }).filter(
      (finding) => finding.verdict !== 'ok',
    );
    assert.deepEqual(
      wrong.map((finding) => [finding.check, finding.verdict]),
      [[check, verdict]],
    );
    assert.notEqual(wrong[0]?.fix ?? '', '');
  });
}
