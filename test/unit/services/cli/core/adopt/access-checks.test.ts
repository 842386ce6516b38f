import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  checkAccess,
  type AccessFacts,
} from '../../../../../../services/cli/core/adopt/access-checks.ts';
import { goodAccess } from './facts.ts';

const who = { database: 'shop', user: 'boss' };
const secured = { isSecured: true, clientAddress: '10.0.0.7' };

const rows: readonly (readonly [string, Partial<AccessFacts>, string, string])[] = [
  [
    'no rule for a standby on this machine',
    { standby: 'no-rule' },
    'does not admit meridian_replicator to replication by a password',
    '"host shop,replication meridian_replicator samehost scram-sha-256"',
  ],
  [
    'none for both, by TLS from another machine',
    { ...secured, backup: 'no-rule', standby: 'other-method' },
    'does not admit meridian_replicator to shop, meridian_replicator to replication ' +
      'by TLS and a password',
    '"hostssl shop,replication meridian_replicator 10.0.0.7/32 scram-sha-256"',
  ],
  [
    'none beside the database, by IPv6',
    { isSecured: true, clientAddress: 'fd00::7', beside: 'no-rule' },
    'does not admit boss to postgres by TLS and a password',
    '"hostssl postgres boss fd00::7/128 scram-sha-256"',
  ],
  [
    'another method by a Unix socket',
    { clientAddress: null, standby: 'other-method' },
    'does not admit meridian_replicator to replication by a password',
    '"local shop,replication meridian_replicator scram-sha-256"',
  ],
];

for (const [name, change, found, rule] of rows) {
  test(`${name}: the fix names the line`, () => {
    const finding = checkAccess({ ...goodAccess, ...change }, who);
    assert.deepEqual([finding.verdict, finding.found], ['obstacle', found]);
    assert.ok(finding.fix?.endsWith(rule), finding.fix ?? '');
  });
}

test('all admitted, and what could not be tried', () => {
  assert.equal(checkAccess(goodAccess, who).verdict, 'ok');
  const untried = { backup: 'unknown', standby: 'unknown' } as const;
  assert.equal(checkAccess({ ...goodAccess, ...untried }, who).verdict, 'note');
});
