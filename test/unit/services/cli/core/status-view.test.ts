import assert from 'node:assert/strict';
import { test } from 'node:test';
import type {
  LastChange,
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
  ...{ version: '0.1.0', broker: null },
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
  ...{ k: 1, policyK: 1, rules: null },
  change: { epoch: 3, kind: 'switchover', waitsFor: null, seals: [] },
  lastChange: null,
  leaseRemainingMs: 4230,
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
  const summary = 'epoch 2 · primary eu-west · members none yet · lease 4.2s left';
  assert.ok(text.includes(`\n${summary}\ncluster c-1\n`), text);
  assert.match(text, /a switchover to epoch 3 is under way\nseals: none yet\n/);
  assert.match(text, /ap-south: applying the log/);
  assert.doesNotMatch(text, /eu-west: its lease/);
});

test('a lease that nobody tells is not made up, and none is looked for without a primary', () => {
  assert.match(renderStatus({ ...status, leaseRemainingMs: null }), / · lease not known\n/);
  const without = renderStatus({ ...status, primary: null, leaseRemainingMs: null });
  assert.match(without, / · primary none · members none yet\n/);
});

test('how the epoch began: what, when, the pause, what was lost, why', () => {
  const lastChange: LastChange = {
    ...{ epoch: 2, change: 'failover', isForced: true, from: 'us-east', to: 'eu-west' },
    ...{ atMs: Date.UTC(2031, 1, 3, 4, 5, 6), pauseMs: 7400, rowsLost: 12, why: 'forced by ann' },
  };
  const line = (changes: Partial<LastChange>): string =>
    renderStatus({ ...status, lastChange: { ...lastChange, ...changes } })
      .split('\n')
      .find((one) => one.startsWith('last change: ')) ?? '';
  assert.equal(
    line({}),
    'last change: forced failover from us-east to eu-west at 2031-02-03T04:05:06Z; ' +
      'write pause 7.4s; 12 rows lost; forced by ann',
  );
  assert.equal(
    line({ isForced: false, from: 'eu-west', rowsLost: 0, why: 'its node was lost' }),
    'last change: failover in eu-west at 2031-02-03T04:05:06Z; write pause 7.4s; its node was lost',
  );
  assert.equal(line({ from: null }), '', 'the first epoch is no change');
});

test('what a change of primary or the control log lacks is told', () => {
  const waitsFor = '1 more seal(s) of members are needed, of us-east';
  const controlLog = 'the control log has no majority';
  const seals = [
    { region: 'eu-west', position: '2:0/5000', final: true },
    { region: 'ap-south', position: '2:0/4000', final: false },
  ];
  const change = { epoch: 3, kind: 'failover', waitsFor, seals };
  const text = renderStatus({ ...status, change, controlLog });
  assert.match(text, /a failover to epoch 3 is under way: 1 more seal\(s\) .* us-east\n/);
  assert.match(text, /\nseals: eu-west at 2:0\/5000 for good, ap-south at 2:0\/4000\n/);
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
