import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  decodeSummary,
  encodeSummary,
  isUsable,
  resumedFrom,
  sketchOf,
  type FoundLog,
  type LogSummary,
} from '../../../../../services/replicator/core/log-summary.ts';
import type { CommitRecord } from '../../../../../shared/core/commit-record.ts';
import type { Epoch } from '../../../../../shared/core/epoch.ts';
import type { LogOffset } from '../../../../../shared/core/log-offset.ts';
import { at, eu } from '../../../../helpers/control-records.ts';

const offset = (value: number): LogOffset => BigInt(value) as LogOffset;
const epoch = 1 as Epoch;
const seed: CommitRecord = {
  ...{ kind: 'seed', epoch, origin: eu, position: at('1:0/10'), store: 'drawn' },
};
const start: CommitRecord = {
  ...{ kind: 'epoch-start', epoch, origin: eu, cut: at('0:0/0'), timeUs: 0n },
};

const summary: LogSummary = {
  start: offset(3),
  last: sketchOf(start, { offset: offset(90), byteLength: 40 }),
  facts: {
    ...{ store: 'drawn', begins: at('1:0/10'), last: at('1:0/90'), told: at('1:0/10') },
    ...{ sealedEpoch: 1, opened: { epoch: 1, timeline: 2 }, startedEpochs: new Set([1]) },
    places: { seed: offset(5), sealed: offset(4) },
  },
  map: {
    ...{ bytes: 9000, bytesDropped: 300 },
    marks: [
      { offset: offset(20), end: at('1:0/20'), bytesBefore: 2000, atMs: 5 },
      { offset: offset(40), end: at('1:0/40'), bytesBefore: 4000, atMs: 7 },
    ],
  },
};
const found: FoundLog = { start: offset(3), seed, last: summary.last };

test('a summary comes back from its text as it was', () => {
  assert.deepEqual(decodeSummary(encodeSummary(summary)), summary);
});

const spoilt: readonly (readonly [string, string])[] = [
  ['no JSON', '{'],
  ['of another version', encodeSummary(summary).replace('"v":1', '"v":2')],
  ['with a key that is not known', encodeSummary(summary).replace('"v":1', '"v":1,"w":1')],
  ['with an offset that is none', encodeSummary(summary).replace('"start":"3"', '"start":"x"')],
];
for (const [name, text] of spoilt) {
  test(`a text is no summary: ${name}`, () => assert.equal(decodeSummary(text), null));
}

test('a log that agrees is gone on from as it was', () => {
  assert.equal(resumedFrom(summary, found), summary);
});

test('a log that shows again what was deleted is gone on from as it was', () => {
  assert.equal(resumedFrom(summary, { ...found, start: offset(0) }), summary);
});

test('a log that was trimmed since begins at its mark', () => {
  const resumed = resumedFrom(summary, { ...found, start: offset(20) });
  assert.deepEqual(resumed?.facts.begins, at('1:0/20'));
  assert.equal(resumed?.map.bytesDropped, 2000);
  assert.deepEqual(
    resumed?.map.marks.map((mark) => mark.offset),
    [40n],
  );
});

const refused: readonly (readonly [string, Partial<FoundLog>])[] = [
  ['another store stands where its seed record was', { seed: { ...seed, store: 'other' } }],
  ['another record stands there', { seed: start }],
  ['the last record has another size', { last: { ...summary.last, byteLength: 41 } }],
  ['the last record ends elsewhere', { last: { ...summary.last, end: at('2:0/0') } }],
  ['the log begins where no mark is', { start: offset(21) }],
];
for (const [name, change] of refused) {
  test(`a summary is not believed: ${name}`, () => {
    assert.equal(resumedFrom(summary, { ...found, ...change }), null);
  });
}

test('a summary is kept only of a log with a name and a last record that is found again', () => {
  assert.equal(isUsable(summary), true);
  assert.equal(isUsable({ ...summary, facts: { ...summary.facts, store: null } }), false);
  assert.equal(isUsable({ ...summary, facts: { ...summary.facts, places: {} } }), false);
  assert.equal(isUsable({ ...summary, facts: { ...summary.facts, begins: null } }), false);
  const last = { ...summary.last, byteLength: 8 * 1024 * 1024 };
  assert.equal(isUsable({ ...summary, last }), false);
});

test('many marks are told by fewer', () => {
  const marks = Array.from({ length: 20_000 }, (_, index) => ({
    ...{ offset: offset(index + 6), end: at('1:0/20'), bytesBefore: index, atMs: index + 0.5 },
  }));
  const text = encodeSummary({ ...summary, map: { ...summary.map, marks } });
  const kept = decodeSummary(text)?.map.marks ?? [];
  assert.equal(kept.length, 4000);
  assert.equal(kept[1]?.offset, 11n);
  assert.equal(kept[1]?.atMs, 5);
});
