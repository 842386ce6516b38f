import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { isWithinCuts } from '../../../../../shared/core/consistency.ts';
import { foldControl } from '../../../../../shared/core/control/control-fold.ts';
import type { ControlRecord } from '../../../../../shared/core/control/control-record.ts';
import {
  initialControlState,
  type ControlState,
} from '../../../../../shared/core/control/control-state.ts';
import { isAtOrPast } from '../../../../../shared/core/position.ts';
import { plausibleHistory } from '../../../../helpers/core-arbitraries.ts';

type Look = (before: ControlState, record: ControlRecord, after: ControlState) => void;

/** Folds `records` and calls `look` at each step. */
function foldLooking(records: readonly ControlRecord[], look: Look): void {
  let state = initialControlState;
  for (const record of records) {
    const before = state;
    state = foldControl(state, record).state;
    look(before, record, state);
  }
}

function checkEachStep(look: Look): void {
  fc.assert(
    fc.property(plausibleHistory, (records) => {
      foldLooking(records, look);
    }),
    { numRuns: 300 },
  );
}

test('the fold is a function of the records: folding them twice yields the same', () => {
  fc.assert(
    fc.property(plausibleHistory, fc.nat(), (records, place) => {
      const fold = (from: ControlState, some: readonly ControlRecord[]): ControlState =>
        some.reduce((state, record) => foldControl(state, record).state, from);
      const middle = place % (records.length + 1);
      const whole = fold(initialControlState, records);
      const halves = fold(
        fold(initialControlState, records.slice(0, middle)),
        records.slice(middle),
      );
      assert.deepEqual(halves, whole);
    }),
  );
});

test('a void record changes nothing, and says why', () => {
  checkEachStep((before, record) => {
    const { state, outcome } = foldControl(before, record);
    if (outcome.kind !== 'void') return;
    assert.equal(state, before);
    assert.ok(outcome.why.length > 0);
  });
});

test('the epoch rises by one promotion at a time, and never falls', () => {
  checkEachStep((before, record, after) => {
    const promotions = after.history.length - before.history.length;
    assert.equal(after.epoch - before.epoch, promotions);
    assert.equal(after.history.at(-1)?.epoch ?? 0, after.epoch);
    if (promotions === 0) return;
    assert.equal(promotions, 1);
    assert.ok(record.kind === 'prepare' || record.kind === 'seal');
    assert.deepEqual([after.members, after.version, after.prepare], [[], 0, null]);
    assert.equal(after.k, after.policy?.k);
    assert.equal(after.kLow, Math.max(1, after.policy?.k ?? 0));
  });
});

test('members, K and the policy are frozen from the prepare to the promotion', () => {
  checkEachStep((before, _record, after) => {
    if (before.prepare === null || after.prepare === null) return;
    assert.equal(after.policy, before.policy);
    assert.deepEqual(
      [after.members, after.k, after.kLow, after.version],
      [before.members, before.k, before.kLow, before.version],
    );
    assert.deepEqual(after.prepare.members, before.prepare.members);
    assert.deepEqual(
      after.prepare.seals.slice(0, before.prepare.seals.length),
      before.prepare.seals,
    );
  });
});

test('only epoch + 1 can open once it is prepared, and nobody goes back', () => {
  checkEachStep((before, _record, after) => {
    if (before.prepare === null) return;
    assert.ok(after.prepare !== null || after.epoch === before.epoch + 1);
  });
});

test('members stay at or above Kf, the primary is none of them, each region is one at most', () => {
  checkEachStep((before, _record, { members, primary, kLow }) => {
    const regions = members.map(({ region }) => region);
    assert.equal(new Set(regions).size, regions.length);
    assert.ok(primary === null || !regions.includes(primary));
    assert.ok(kLow >= 1);
    if (regions.length < before.members.length && regions.length > 0) {
      assert.ok(regions.length >= kLow);
    }
  });
});

test('Kf never rises within an epoch', () => {
  checkEachStep((before, _record, after) => {
    if (after.epoch === before.epoch && after.epoch > 0) assert.ok(after.kLow <= before.kLow);
  });
});

test('a promotion names a seal that was given: its store, its source and its cut', () => {
  checkEachStep((before, record, after) => {
    const promotion = after.history.at(-1);
    if (promotion === undefined || after.history.length === before.history.length) return;
    const seals = [...(before.prepare?.seals ?? []), ...(record.kind === 'seal' ? [record] : [])];
    assert.equal(seals.find(({ region }) => region === promotion.to)?.store, promotion.store);
    const source = seals.find(({ region }) => region === promotion.source);
    assert.deepEqual(source?.position, promotion.cut);
    assert.ok(isWithinCuts(promotion.cut, before.epoch, before.history));
  });
});

test('without enough members an unforced failover goes on at what is safe or past it', () => {
  checkEachStep((before, _record, after) => {
    const promotion = after.history.at(-1);
    if (promotion === undefined || after.history.length === before.history.length) return;
    if (promotion.isForced) assert.deepEqual(promotion.safe, promotion.cut);
    const safeBefore = before.history.at(-1)?.safe;
    const isPlain = !promotion.isForced && promotion.change === 'failover';
    if (!isPlain || safeBefore === undefined || before.members.length >= before.kLow) return;
    assert.ok(isAtOrPast(promotion.cut, safeBefore));
  });
});
