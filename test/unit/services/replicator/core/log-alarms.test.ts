import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { logAlarms, walAlarms } from '../../../../../services/replicator/core/log-alarms.ts';
import type { HeldLog } from '../../../../../services/replicator/core/log-retention.ts';
import { at } from '../../../../helpers/control-records.ts';

const megabyte = 1024 * 1024;
const us = { name: 'us-east', position: at('1:0/20'), isActive: false };

function holding(megabytes: number, begins = '1:0/0'): HeldLog {
  const heldBytes = megabytes * megabyte;
  return { begins: at(begins), marks: [], heldBytes, totalBytes: heldBytes };
}

describe('what is told of the data log', () => {
  it('nothing below four fifths of the limit', () => {
    assert.deepEqual(logAlarms(holding(79), [us], 100 * megabyte), []);
  });

  it('from there on how full it is, who needs it, and what to do', () => {
    assert.deepEqual(logAlarms(holding(80), [us], 100 * megabyte), [
      'the data log holds 80 MB of 100 MB, since us-east needs them: ' +
        'bring it back, or raise replicator.logBytesMax',
    ]);
    assert.deepEqual(logAlarms(holding(90), [], 100 * megabyte), [
      'the data log holds 90 MB of 100 MB: raise replicator.logBytesMax',
    ]);
  });

  it('whom it cannot complete any more', () => {
    assert.deepEqual(logAlarms(holding(10, '1:0/30'), [us], 100 * megabyte), [
      'us-east has been away for too long: it is seeded anew when it is back',
    ]);
  });
});

describe('what is told of WAL that slots keep', () => {
  const slot = { slot: 'meridian_2', bytes: 80 * megabyte, isLost: false };
  it('nothing without a limit, or far from it', () => {
    assert.deepEqual(walAlarms([{ ...slot, bytesMax: null }]), []);
    assert.deepEqual(walAlarms([{ ...slot, bytesMax: 200 * megabyte }]), []);
  });

  it('a slot near its limit, and a lost one', () => {
    assert.deepEqual(walAlarms([{ ...slot, bytesMax: 100 * megabyte }]), [
      'slot meridian_2 keeps 80 MB of WAL of 100 MB: ' +
        'see whether Kafka and the standbys answer; beyond it the slot is lost',
    ]);
    assert.deepEqual(walAlarms([{ ...slot, bytesMax: null, isLost: true }]), [
      'slot meridian_2 is lost: its WAL was removed',
    ]);
  });
});
