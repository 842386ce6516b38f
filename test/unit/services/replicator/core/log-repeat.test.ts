import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { LogMark } from '../../../../../services/replicator/core/log-map.ts';
import {
  repeatedRecords,
  type LocalFacts,
} from '../../../../../services/replicator/core/log-repeat.ts';
import type { Epoch } from '../../../../../shared/core/epoch.ts';
import type { LogOffset } from '../../../../../shared/core/log-offset.ts';
import type { RegionId } from '../../../../../shared/core/region.ts';
import { at } from '../../../../helpers/control-records.ts';

const origin = 'eu-west' as RegionId;
const epoch = 2 as Epoch;
const place = (offset: bigint): LogOffset => offset as LogOffset;
const markAt = (offset: bigint, end: string): LogMark => ({
  ...{ offset: place(offset), end: at(end), bytesBefore: 0, atMs: 0 },
});
const facts: LocalFacts = {
  ...{ store: 'store-1', sealedEpoch: 1, opened: { epoch: 2, timeline: 3 } },
  ...{ last: at('2:0/90'), told: at('2:0/50') },
  places: { seed: place(10n), sealed: place(4n), opened: place(6n) },
};

function kinds(mark: LogMark, changed: Partial<LocalFacts> = {}): string[] {
  return repeatedRecords({ ...facts, ...changed }, mark, { origin, epoch }).map(({ kind }) => kind);
}

test('what stays in the log is not repeated', () => {
  assert.deepEqual(kinds(markAt(4n, '2:0/20')), []);
});

test('what lies before the new beginning is', () => {
  assert.deepEqual(kinds(markAt(7n, '2:0/40')), ['sealed', 'opened']);
  assert.deepEqual(kinds(markAt(11n, '2:0/50')), ['sealed', 'opened', 'seed']);
});

test('a seed record that tells less than the new beginning is repeated, wherever it lies', () => {
  // The transaction that ends at 60 was under way to the log when the seed record was made.
  const [seed] = repeatedRecords(
    { ...facts, places: { seed: place(10n) } },
    markAt(10n, '2:0/60'),
    {
      ...{ origin, epoch },
    },
  );
  assert.deepEqual(seed, { kind: 'seed', epoch, origin, position: at('2:0/90'), store: 'store-1' });
});

test('a log without them has nothing to repeat', () => {
  const none = { store: null, sealedEpoch: 0, opened: null, told: null, places: {} };
  assert.deepEqual(kinds(markAt(11n, '2:0/50'), none), []);
});
