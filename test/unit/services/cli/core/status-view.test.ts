import assert from 'node:assert/strict';
import { test } from 'node:test';
import type {
  StatusDocument,
  StatusRegion,
} from '../../../../../services/cli/core/status-document.ts';
import { renderNodes, renderStatus } from '../../../../../services/cli/core/status-view.ts';

const primary: StatusRegion = {
  id: 'eu-west',
  name: 'EU West',
  role: 'primary',
  why: 'its lease holds',
  drift: [],
  warnings: [],
  epoch: 2,
  position: '2:0/5A3F2E10',
  lagMs: 0,
  health: 'healthy',
  nodes: [
    { id: 'eu-west/pg-1', kind: 'node', role: 'primary', position: '2:0/5A3F2E10', healthy: true },
    { id: 'eu-west/pg-2', kind: 'standby', role: 'down', position: null, healthy: false },
  ],
  gatewayUrl: 'http://127.0.0.2:7080',
  adminUrl: 'http://127.0.0.2:7081',
  wireUrl: null,
};

const replica: StatusRegion = {
  ...primary,
  id: 'ap-south',
  role: 'catching-up',
  why: 'applying the log',
  position: null,
  lagMs: 6200,
  health: 'degraded',
};

const status: StatusDocument = {
  cluster: 'c-1',
  epoch: 2,
  primary: 'eu-west',
  members: [],
  ...{ k: 1, policyK: 1 },
  change: { epoch: 3, kind: 'switchover', waitsFor: null },
  controlLog: null,
  regions: [primary, replica],
};

test('one aligned line per region; the primary has an asterisk and no lag', () => {
  const lines = renderStatus(status).split('\n');
  assert.match(lines[0] ?? '', /^REGION +ROLE +HEALTH +EPOCH +POSITION +LAG +NODES +GATEWAY/);
  assert.match(lines[1] ?? '', /^eu-west\* +primary +healthy +2 +2:0\/5A3F2E10 +- +1\/2 +http/);
  assert.match(lines[2] ?? '', /^ap-south +catching-up +degraded +2 +- +6\.2s +1\/2 +http/);
});

test('below it: the cluster, a running change, and why a region is not as it should be', () => {
  const text = renderStatus(status);
  assert.match(text, /epoch 2 · primary eu-west · members none yet\ncluster c-1\n/);
  assert.match(text, /a switchover to epoch 3 is under way/);
  assert.match(text, /ap-south: applying the log/);
  assert.doesNotMatch(text, /eu-west: its lease/);
});

test('what a change of primary or the control log lacks is told', () => {
  const waitsFor = '1 more seal(s) of members are needed, of us-east';
  const controlLog = 'the control log has no majority';
  const change = { epoch: 3, kind: 'failover', waitsFor };
  const text = renderStatus({ ...status, change, controlLog });
  assert.match(text, /a failover to epoch 3 is under way: 1 more seal\(s\) .* us-east\n/);
  assert.match(text, /the control log has no majority\n/);
});

test('what differs from the primary is named', () => {
  const drifted = { ...replica, drift: ['role clerk', 'database'] };
  const text = renderStatus({ ...status, regions: [primary, drifted] });
  assert.match(text, /ap-south differs from the primary: role clerk, database\n/);
});

test('a lowered K and regions that do not count are told', () => {
  assert.doesNotMatch(renderStatus(status), /degraded: semi-sync|is no member/);
  const text = renderStatus({ ...status, members: ['us-east'], k: 0 });
  assert.match(text, /degraded: semi-sync waits for 0 regions instead of 1\n/);
  assert.match(text, /ap-south is no member/);
});

test('what a person should look at is told by region', () => {
  const warned = { ...replica, warnings: ['the data log holds 80 MB of 100 MB'] };
  const text = renderStatus({ ...status, regions: [primary, warned] });
  assert.match(text, /\nap-south: the data log holds 80 MB of 100 MB\n/);
});

test('the admin URL is shortened to its port where the host is the same', () => {
  assert.match(renderStatus(status), /http:\/\/127\.0\.0\.2:7080 {2}:7081\n/);
  const elsewhere = { ...primary, adminUrl: 'http://127.0.0.9:7081' };
  assert.match(renderStatus({ ...status, regions: [elsewhere] }), /http:\/\/127\.0\.0\.9:7081\n/);
});

test('nodes of a region', () => {
  assert.match(renderNodes(primary), /eu-west\/pg-2 +standby +down +- +down/);
});
