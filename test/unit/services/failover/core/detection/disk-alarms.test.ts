import assert from 'node:assert/strict';
import { test } from 'node:test';
import { diskAlarms } from '../../../../../../services/failover/core/detection/disk-alarms.ts';
import { nodeOf } from '../../../../../helpers/controllers.ts';

const gigabyte = 1024 * 1024 * 1024;

test('a disk is told of from four fifths on', () => {
  const node = nodeOf('us-east/pg-1');
  const withDisk = (freeBytes: number): readonly string[] =>
    diskAlarms([{ ...node, disk: { freeBytes, totalBytes: 100 * gigabyte } }]);
  assert.deepEqual(withDisk(20.1 * gigabyte), []);
  assert.deepEqual(withDisk(19.5 * gigabyte), [
    'the disk of us-east/pg-1 is 80 % full, 19968 MB are left: make room',
  ]);
});

test('nothing is told of a disk that nobody knows', () => {
  assert.deepEqual(
    diskAlarms([nodeOf('us-east/pg-1'), nodeOf('us-east/pg-2', { disk: null })]),
    [],
  );
});
