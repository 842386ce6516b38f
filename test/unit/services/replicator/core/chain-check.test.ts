import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  checkChain,
  clampToCuts,
  placeAt,
  type ChainPlace,
  type Cuts,
} from '../../../../../services/replicator/core/chain-check.ts';
import {
  endPositionOf,
  type ChunkRecord,
  type CommitRecord,
} from '../../../../../shared/core/commit-record.ts';
import type { Epoch } from '../../../../../shared/core/epoch.ts';
import type { Lsn } from '../../../../../shared/core/lsn.ts';
import { parsePosition, zeroPosition, type Position } from '../../../../../shared/core/position.ts';
import type { RegionId } from '../../../../../shared/core/region.ts';

const origin = 'eu-west' as RegionId;
const noCuts: Cuts = { history: [], uptoEpoch: 9 as Epoch };

function at(text: string): Position {
  return parsePosition(text) ?? zeroPosition;
}

function pack(epoch: number, ...ends: readonly (readonly [bigint, bigint])[]): CommitRecord {
  const transactions = ends.map(([prev, end]) => ({
    xid: Number(end),
    prevEndLsn: prev as Lsn,
    endLsn: end as Lsn,
    commitTimeUs: 0n,
    messages: [],
  }));
  return { kind: 'transactions', epoch: epoch as Epoch, origin, transactions };
}

function chunk(part: number, endLsn: bigint | null, xid = 7): ChunkRecord {
  return {
    kind: 'chunk',
    epoch: 1 as Epoch,
    origin,
    xid,
    part,
    isLast: endLsn !== null,
    prevEndLsn: 16n as Lsn,
    endLsn: endLsn as Lsn | null,
    commitTimeUs: 0n,
    messages: [],
  };
}

function cuts(...pairs: readonly (readonly [number, string])[]): Cuts {
  const history = pairs.map(([epoch, cut]) => ({ epoch: epoch as Epoch, cut: at(cut) }));
  return { history, uptoEpoch: 9 as Epoch };
}

test('the next transaction follows', () => {
  const verdict = checkChain(placeAt(at('1:0/10')), pack(1, [16n, 32n]), noCuts);
  assert.ok(verdict.kind === 'transactions');
  assert.deepEqual(verdict.place, placeAt(at('1:0/20')));
});

test('known transactions of a pack are skipped, the rest follows', () => {
  const record = pack(1, [0n, 16n], [16n, 32n], [32n, 48n]);
  const verdict = checkChain(placeAt(at('1:0/10')), record, noCuts);
  assert.ok(verdict.kind === 'transactions');
  assert.equal(verdict.known.length, 1);
  assert.equal(verdict.transactions.length, 2);
  assert.deepEqual(checkChain(placeAt(at('1:0/30')), record, noCuts), {
    kind: 'skip',
    why: 'known',
  });
});

test('a gap is a gap: within the epoch and into another', () => {
  assert.equal(checkChain(placeAt(at('1:0/10')), pack(1, [32n, 48n]), noCuts).kind, 'gap');
  assert.equal(checkChain(placeAt(at('1:0/10')), pack(2, [0n, 48n]), noCuts).kind, 'gap');
});

test('records beyond a later cut are void, also within a pack', () => {
  const later = cuts([1, '0:0/0'], [2, '1:0/20']);
  const record = pack(1, [16n, 32n], [32n, 48n]);
  const verdict = checkChain(placeAt(at('1:0/10')), record, later);
  assert.ok(verdict.kind === 'transactions');
  assert.deepEqual(verdict.place.position, at('1:0/20'));
  assert.deepEqual(checkChain(placeAt(at('1:0/20')), record, later), { kind: 'skip', why: 'void' });
});

test('trap 72: the cut of any later epoch counts, not only the newest', () => {
  const later = cuts([2, '1:0/20'], [3, '2:0/90']);
  const verdict = checkChain(placeAt(at('1:0/20')), pack(1, [32n, 48n]), later);
  assert.deepEqual(verdict, { kind: 'skip', why: 'void' });
});

test('an epoch starts exactly at its cut', () => {
  const start: CommitRecord = {
    kind: 'epoch-start',
    epoch: 2 as Epoch,
    origin,
    cut: at('1:0/20'),
    timeUs: 0n,
  };
  const verdict = checkChain(placeAt(at('1:0/20')), start, noCuts);
  assert.ok(verdict.kind === 'epoch-start');
  assert.deepEqual(verdict.place.position, at('2:0/0'));
  assert.equal(checkChain(placeAt(at('1:0/10')), start, noCuts).kind, 'gap');
  assert.equal(checkChain(placeAt(at('1:0/30')), start, noCuts).kind, 'gap');
  assert.equal(checkChain(placeAt(at('2:0/0')), start, noCuts).kind, 'skip');
});

test('chunks follow one another and end their transaction', () => {
  let place: ChainPlace = placeAt(at('1:0/10'));
  for (const [part, end] of [
    [0, null],
    [1, null],
    [2, 64n],
  ] as const) {
    const verdict = checkChain(place, chunk(part, end), noCuts);
    assert.ok(verdict.kind === 'chunk');
    assert.equal(verdict.restarts, false);
    place = verdict.place;
  }
  assert.deepEqual(place, placeAt(at('1:0/40')));
});

test('a chunked transaction that is sent anew starts again from its first part', () => {
  const inside: ChainPlace = { position: at('1:0/10'), openXid: 7, nextPart: 2 };
  const verdict = checkChain(inside, chunk(0, null), noCuts);
  assert.ok(verdict.kind === 'chunk');
  assert.equal(verdict.restarts, true);
  assert.deepEqual(checkChain(inside, chunk(1, null), noCuts), { kind: 'skip', why: 'known' });
  assert.equal(checkChain(inside, chunk(3, null), noCuts).kind, 'gap');
  assert.equal(checkChain(placeAt(at('1:0/10')), chunk(1, null), noCuts).kind, 'gap');
});

test('chunks of a known transaction are skipped', () => {
  assert.equal(checkChain(placeAt(at('1:0/40')), chunk(0, null), noCuts).kind, 'skip');
  assert.equal(checkChain(placeAt(at('1:0/40')), chunk(1, 64n), noCuts).kind, 'skip');
});

test('idle records move waits of their own epoch only, and no transaction', () => {
  const idle: CommitRecord = {
    kind: 'idle',
    epoch: 1 as Epoch,
    origin,
    lsn: 99n as Lsn,
    timeUs: 0n,
  };
  assert.deepEqual(checkChain(placeAt(at('1:0/10')), idle, noCuts), { kind: 'idle', lsn: 99n });
  assert.equal(checkChain(placeAt(at('2:0/0')), idle, noCuts).kind, 'skip');
  assert.equal(endPositionOf(idle), null);
});

test('trap 81: a region that is ahead by idle records only follows the next epoch', () => {
  const place = placeAt(at('1:0/10'));
  const idle: CommitRecord = {
    ...{ kind: 'idle', epoch: 1 as Epoch, origin },
    ...{ lsn: 99n as Lsn, timeUs: 0n },
  };
  const start: CommitRecord = {
    ...{ kind: 'epoch-start', epoch: 2 as Epoch, origin },
    ...{ cut: at('1:0/10'), timeUs: 0n },
  };
  const beyond = checkChain(place, idle, cuts([2, '1:0/10']));
  // It moved no place: the region is where the cut is, and nothing of it is void.
  assert.ok(!('place' in beyond));
  assert.equal(checkChain(place, start, cuts([2, '1:0/10'])).kind, 'epoch-start');
});

test('records of one region alone are no part of the chain', () => {
  const sealed: CommitRecord = {
    kind: 'sealed',
    epoch: 2 as Epoch,
    origin,
    position: at('1:0/10'),
  };
  assert.deepEqual(checkChain(placeAt(at('1:0/10')), sealed, noCuts), {
    kind: 'skip',
    why: 'local',
  });
});

test('a position beyond a later cut is brought down to it', () => {
  const { history } = cuts([2, '1:0/20'], [3, '1:0/10']);
  assert.deepEqual(clampToCuts(at('1:0/30'), history), at('1:0/10'));
  assert.deepEqual(clampToCuts(at('1:0/8'), history), at('1:0/8'));
  assert.deepEqual(clampToCuts(at('3:0/90'), history), at('3:0/90'));
});
