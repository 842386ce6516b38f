import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  holdersOf,
  initialQuorum,
  stepQuorum,
  type QuorumInput,
  type QuorumState,
} from '../../../../../services/replicator/core/quorum-tracker.ts';
import type { Epoch } from '../../../../../shared/core/epoch.ts';
import type { Lsn } from '../../../../../shared/core/lsn.ts';
import { parsePosition, zeroPosition } from '../../../../../shared/core/position.ts';
import type { RegionId } from '../../../../../shared/core/region.ts';

const us = 'us-east' as RegionId;
const ap = 'ap-south' as RegionId;
const both = [
  { region: us, store: 'u' },
  { region: ap, store: 'a' },
];

function acknowledged(region: RegionId, store: string, at: string): QuorumInput {
  const position = parsePosition(at) ?? zeroPosition;
  const acknowledgement = { store, applied: position, reached: position };
  return { kind: 'acknowledged', region, acknowledgement };
}

function after(...inputs: readonly QuorumInput[]): QuorumState {
  return inputs.reduce(stepQuorum, initialQuorum(2 as Epoch, 0n as Lsn));
}

const members: QuorumInput = { kind: 'membersChanged', members: both, k: 1 };

test('flush is the end of the own log', () => {
  const { reported } = after({ kind: 'logged', lsn: 64n as Lsn });
  assert.deepEqual(reported, { flush: 64n, write: 0n, apply: 0n });
});

test('write is what K members have applied, apply what all of them have', () => {
  const { reported } = after(
    members,
    acknowledged(us, 'u', '2:0/20'),
    acknowledged(ap, 'a', '2:0/10'),
  );
  assert.deepEqual(reported, { flush: 0n, write: 32n, apply: 16n });
});

test('a member that was never heard holds apply back', () => {
  assert.deepEqual(after(members, acknowledged(us, 'u', '2:0/20')).reported.apply, 0n);
});

test('while there are fewer members than K nothing is released', () => {
  const one: QuorumInput = { kind: 'membersChanged', members: both.slice(0, 1), k: 2 };
  assert.equal(after(one, acknowledged(us, 'u', '2:0/20')).reported.write, 0n);
});

test('acknowledgements of another store or of no member count for nothing', () => {
  const { reported } = after(members, acknowledged(us, 'other', '2:0/20'));
  assert.equal(reported.write, 0n);
  const nobody: QuorumInput = { kind: 'membersChanged', members: [], k: 1 };
  assert.equal(after(nobody, acknowledged(us, 'u', '2:0/20')).reported.write, 0n);
});

test('what was acknowledged before the member was added counts once it is one', () => {
  assert.equal(after(acknowledged(us, 'u', '2:0/20'), members).reported.write, 32n);
});

test('positions of an older epoch release nothing in this one', () => {
  assert.equal(after(members, acknowledged(us, 'u', '1:FF/FF')).reported.write, 0n);
});

test('reported positions never go back', () => {
  const { reported } = after(members, acknowledged(us, 'u', '2:0/20'), {
    kind: 'membersChanged',
    members: [],
    k: 1,
  });
  assert.equal(reported.write, 32n);
});

test('an older acknowledgement changes nothing', () => {
  const state = after(members, acknowledged(us, 'u', '2:0/20'));
  assert.equal(stepQuorum(state, acknowledged(us, 'u', '2:0/10')), state);
});

test('degraded to K = 0, a COMMIT waits for the own log alone', () => {
  const degraded: QuorumInput = { kind: 'membersChanged', members: [], k: 0 };
  const { reported } = after(degraded, { kind: 'logged', lsn: 64n as Lsn });
  assert.deepEqual(reported, { flush: 64n, write: 64n, apply: 64n });
});

test('holders counts members at or past a position', () => {
  const state = after(members, acknowledged(us, 'u', '2:0/20'), acknowledged(ap, 'a', '2:0/10'));
  const position = parsePosition('2:0/18') ?? zeroPosition;
  assert.deepEqual(holdersOf(state, position), { held: 1, members: 2 });
});

const allRegions = (...inputs: readonly QuorumInput[]): QuorumState['reported'] =>
  inputs.reduce(stepQuorum, initialQuorum(2 as Epoch, 0n as Lsn, 2)).reported;
const degraded: QuorumInput = { kind: 'membersChanged', members: both, k: 0 };
const one: QuorumInput = { kind: 'membersChanged', members: both.slice(0, 1), k: 1 };

test('degraded to nobody, the own log alone releases semi-sync and sync commits', () => {
  const { reported } = after(degraded, { kind: 'logged', lsn: 64n as Lsn });
  assert.deepEqual(reported, { flush: 64n, write: 64n, apply: 64n });
});

test('syncRequires regions: sync waits while a configured region is no member', () => {
  const held = acknowledged(us, 'u', '2:0/20');
  assert.deepEqual(allRegions(one, held), { flush: 0n, write: 32n, apply: 0n });
  const all = allRegions(members, held, acknowledged(ap, 'a', '2:0/10'));
  assert.deepEqual(all, { flush: 0n, write: 32n, apply: 16n });
});

test('syncRequires regions: a degrade releases semi-sync commits alone', () => {
  const logged: QuorumInput = { kind: 'logged', lsn: 64n as Lsn };
  const reported = allRegions(degraded, logged, acknowledged(us, 'u', '2:0/20'));
  assert.deepEqual(reported, { flush: 64n, write: 64n, apply: 0n });
});
