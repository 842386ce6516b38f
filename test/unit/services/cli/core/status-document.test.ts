import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  statusDocument,
  type ListedRegion,
  type RegionsAnswer,
  type ReportedRegion,
} from '../../../../../services/cli/core/status-document.ts';

const listed = ['eu-west', 'us-east'].map((id, index): ListedRegion => ({
  id,
  name: id.toUpperCase(),
  nodes: [`${id}/pg-1`, `${id}/pg-2`],
  gatewayUrl: `http://127.0.0.${String(index + 2)}:7080`,
  adminUrl: `http://127.0.0.${String(index + 2)}:7081`,
}));

function report(id: string, facts: Partial<ReportedRegion> = {}): ReportedRegion {
  return {
    id,
    name: id.toUpperCase(),
    role: 'replica',
    why: 'follows eu-west',
    epoch: 3,
    position: '3:0/10',
    lagMs: 12,
    health: 'healthy',
    nodes: [
      { id: `${id}/pg-1`, kind: 'node', role: 'replica', position: '3:0/10', healthy: true },
      { id: `${id}/pg-2`, kind: 'standby', role: 'standby', position: '3:0/10', healthy: true },
    ],
    isAccepting: true,
    ageMs: 0,
    ...facts,
  };
}

function answer(from: string, facts: Partial<RegionsAnswer> = {}): RegionsAnswer {
  return {
    from,
    cluster: 'c-1',
    version: '0.1.0',
    epoch: 3,
    primary: 'eu-west',
    members: ['us-east'],
    ...{ k: 1, policyK: 1, rules: null },
    change: null,
    lastChange: null,
    leaseRemainingMs: null,
    controlLog: null,
    regions: [report('eu-west', { role: 'primary' }), report('us-east')],
    ...facts,
  };
}

test('nobody answered: there is no document', () => {
  assert.equal(statusDocument(listed, []), null);
});

test('every field of the contract is there, wireUrl is null', () => {
  const status = statusDocument(listed, [answer('eu-west'), answer('us-east')]);
  assert.deepEqual(Object.keys(status ?? {}), [
    'cluster',
    'epoch',
    'primary',
    'members',
    'k',
    'policyK',
    'rules',
    'change',
    'lastChange',
    'leaseRemainingMs',
    'controlLog',
    'regions',
  ]);
  const region = status?.regions[1];
  assert.deepEqual(
    [region?.id, region?.role, region?.position, region?.lagMs, region?.health, region?.wireUrl],
    ['us-east', 'replica', '3:0/10', 12, 'healthy', null],
  );
  assert.equal(region?.gatewayUrl, 'http://127.0.0.3:7080');
  assert.deepEqual(region?.nodes[1], {
    id: 'us-east/pg-2',
    kind: 'standby',
    role: 'standby',
    position: '3:0/10',
    healthy: true,
  });
});

test('a silent region is unreachable, with what was last heard of it', () => {
  const old = report('us-east', { ageMs: 9000, position: '3:0/8' });
  const status = statusDocument(listed, [answer('eu-west', { regions: [report('eu-west'), old] })]);
  const region = status?.regions[1];
  assert.deepEqual(
    [region?.health, region?.role, region?.position, region?.lagMs],
    ['unreachable', 'replica', '3:0/8', null],
  );
  assert.ok(region?.nodes.every((node) => !node.healthy));
});

test('a region that nobody ever heard of is listed as unknown, its nodes down', () => {
  const status = statusDocument(listed, [answer('eu-west', { regions: [report('eu-west')] })]);
  const region = status?.regions[1];
  assert.deepEqual([region?.role, region?.health, region?.epoch], ['unknown', 'unreachable', null]);
  assert.deepEqual(
    region?.nodes.map((node) => node.role),
    ['down', 'down'],
  );
});

test('a region speaks for itself; the newest epoch speaks for the cluster', () => {
  const late = answer('us-east', { epoch: 2, primary: 'us-east', members: [] });
  const heard = report('us-east', { role: 'catching-up', ageMs: 400 });
  const own = answer('eu-west', { regions: [report('eu-west', { role: 'primary' }), heard] });
  const status = statusDocument(listed, [late, own]);
  assert.deepEqual([status?.epoch, status?.primary], [3, 'eu-west']);
  assert.equal(status?.regions[1]?.role, 'replica');
});

test('the lease is what the primary itself says, whoever else answers', () => {
  const of = (...answers: RegionsAnswer[]) => statusDocument(listed, answers)?.leaseRemainingMs;
  const late = answer('us-east', { epoch: 2, primary: 'us-east', leaseRemainingMs: 900 });
  assert.equal(of(late, answer('eu-west', { leaseRemainingMs: 4200 })), 4200);
  assert.equal(of(answer('us-east', { leaseRemainingMs: 900 })), null);
});

test('nothing can be decided only where no region finds a majority', () => {
  const controlLog = 'the control log has no majority';
  const of = (...answers: RegionsAnswer[]) => statusDocument(listed, answers)?.controlLog;
  assert.equal(of(answer('eu-west', { controlLog }), answer('us-east')), null);
  assert.equal(
    of(answer('eu-west', { controlLog }), answer('us-east', { controlLog })),
    controlLog,
  );
});
