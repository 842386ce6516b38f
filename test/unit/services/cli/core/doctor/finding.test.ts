import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  describeFindings,
  failed,
  hasFailed,
  ok,
  skipped,
  warning,
} from '../../../../../../services/cli/core/doctor/finding.ts';

test('one line per check, the fix on the line of what is wrong, then the sum', () => {
  const findings = [
    ok('node', '24.21.0'),
    skipped('ports', 'the region runs and has them'),
    warning('geo data', '100 days old', 'npm update geoip-lite'),
    failed('disk', '0.5 GB free', 'make room'),
  ];
  const lines = describeFindings(findings).split('\n');
  assert.equal(lines.length, findings.length + 2);
  assert.equal(lines[0], 'ok       node      24.21.0');
  assert.equal(lines[3], 'failed   disk      0.5 GB free. Fix: make room');
  assert.equal(lines.at(-1), '1 ok, 1 skipped, 1 warning, 1 failed');
  assert.equal(hasFailed(findings), true);
  assert.equal(hasFailed(findings.slice(0, 3)), false);
});
