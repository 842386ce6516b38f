import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Finding } from '../../../../../../services/cli/core/doctor/finding.ts';
import {
  judgeCertificate,
  judgeClock,
  judgeDisk,
  judgeGeoData,
  judgeNode,
  judgePorts,
  judgeRoundTrip,
} from '../../../../../../services/cli/core/doctor/judge-host.ts';

const day = 24 * 3600 * 1000;
const now = new Date('2026-06-01T00:00:00Z');
const inDays = (days: number): Date => new Date(now.getTime() + days * day);
const gigabyte = 1024 ** 3;

const rows: readonly (readonly [name: string, Finding, level: Finding['level'], RegExp])[] = [
  ['Node 24', judgeNode('v24.21.0'), 'ok', /24\.21/],
  ['Node 20', judgeNode('v20.1.0'), 'failed', /v20\.1\.0/],
  ['free ports', judgePorts(null, 9), 'ok', /9 addresses/],
  ['a taken port', judgePorts('10.0.0.1:5432 is in use by process 7 (x).', 9), 'failed', /5432/],
  ['room', judgeDisk('disk', 50 * gigabyte), 'ok', /50\.0 GB/],
  ['little room', judgeDisk('disk', 3 * gigabyte), 'warning', /3\.0 GB/],
  ['no room', judgeDisk('disk', gigabyte / 2), 'failed', /0\.5 GB/],
  ['a young certificate', judgeCertificate('c', inDays(300), now), 'ok', /300 days/],
  ['one that ends soon', judgeCertificate('c', inDays(10), now), 'warning', /10 days/],
  ['an expired one', judgeCertificate('c', inDays(-1), now), 'failed', /expired on 2026-05-31/],
  ['fresh geo data', judgeGeoData(3 * day), 'ok', /3 days/],
  ['old geo data', judgeGeoData(200 * day), 'warning', /200 days/],
  ['no geo data', judgeGeoData(null), 'failed', /not found/],
  ['a right clock', judgeClock('clock', 400), 'ok', /0\.4 s/],
  ['a clock behind', judgeClock('clock', -5000), 'warning', /-5\.0 s/],
  ['a wrong clock', judgeClock('clock', 60_000), 'failed', /60\.0 s/],
  ['a near region', judgeRoundTrip('r', 80, 6500), 'ok', /80\.0 ms/],
  ['one too far for the lease', judgeRoundTrip('r', 700, 6500), 'warning', /700\.0 ms/],
  ['a silent one', judgeRoundTrip('r', null, 6500), 'warning', /does not answer/],
];

for (const [name, finding, level, found] of rows) {
  test(`${name}: ${level}`, () => {
    assert.equal(finding.level, level);
    assert.match(finding.found, found);
    assert.equal(finding.fix === null, level === 'ok');
  });
}
