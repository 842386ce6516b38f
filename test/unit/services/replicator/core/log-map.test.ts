import assert from 'node:assert/strict';
import { test } from 'node:test';
import { grainOf, LogMap } from '../../../../../services/replicator/core/log-map.ts';
import type { LogOffset } from '../../../../../shared/core/log-offset.ts';
import { at } from '../../../../helpers/control-records.ts';

const head = 64;

function mapped(): LogMap {
  const map = new LogMap({ bytes: 500, ms: 1000 });
  const records: readonly (readonly [number, string | null, number])[] = [
    [100, '1:0/10', 0],
    [100, '1:0/20', 10],
    [900, null, 20],
    [100, '1:0/30', 30],
    [100, '1:0/40', 40],
    [100, '1:0/50', 2000],
  ];
  for (const [index, [bytes, end, atMs]] of records.entries()) {
    const offset = BigInt(index) as LogOffset;
    map.add({ offset, bytes, end: end === null ? null : at(end), atMs });
  }
  return map;
}

test('a mark stands where a transaction ends, by bytes or by time', () => {
  assert.deepEqual(
    mapped().marks.map(({ offset }) => offset),
    [1n, 4n, 6n],
  );
});

test('bytes are counted with what the broker adds, also between marks', () => {
  const map = mapped();
  assert.equal(map.heldBytes, 1400 + 6 * head);
  assert.equal(map.marks[1]?.bytesBefore, 1200 + 4 * head);
});

test('what lies before a mark is forgotten, what it was counted from is not', () => {
  const map = mapped();
  const [, second] = map.marks;
  assert.ok(second !== undefined);
  map.dropBefore(second);
  assert.equal(map.heldBytes, 200 + 2 * head);
  assert.equal(map.totalBytes, 1400 + 6 * head);
  assert.deepEqual(
    map.marks.map(({ offset }) => offset),
    [6n],
  );
});

test('a record that does not say when it was made is no mark', () => {
  const map = new LogMap({ bytes: 1, ms: 1 });
  map.add({ offset: 0n as LogOffset, bytes: 9, end: at('1:0/1'), atMs: null });
  assert.deepEqual(map.marks, []);
  map.clear();
  assert.equal(map.totalBytes, 0);
});

test('the grain is a small part of what is kept', () => {
  assert.deepEqual(grainOf({ logKeepMs: 6400, logKeepBytes: 2560 }), { bytes: 10, ms: 100 });
});

test('a map goes on from the state of another', () => {
  const map = mapped();
  map.dropBefore(map.marks[0] ?? assert.fail());
  const other = new LogMap({ bytes: 500, ms: 1000 });
  other.restore(map.state());
  for (const one of [map, other]) {
    one.add({ offset: 9n as LogOffset, bytes: 600, end: at('1:0/90'), atMs: 2001 });
  }
  assert.deepEqual(other.state(), map.state());
  assert.equal(other.heldBytes, map.heldBytes);
});
