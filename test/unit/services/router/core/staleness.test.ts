import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  fresher,
  freshFromWall,
  stalenessOf,
} from '../../../../../services/router/core/staleness.ts';

test('a clock that is hours off changes nothing', () => {
  for (const offsetMs of [0, 5000, -5000, 3_600_000]) {
    // The question left at 1000 and arrived 40 ms later; the proof is 100 ms older than the answer.
    const anchor = { sentAtMs: 1000, wallMs: 1040 + offsetMs };
    const freshAtMs = freshFromWall(940 + offsetMs, anchor, 1080);
    assert.ok(freshAtMs <= 940, `${freshAtMs} is later than the truth`);
    assert.ok(freshAtMs > 899);
  }
});

test('an old anchor proves less as clocks drift', () => {
  const anchor = { sentAtMs: 0, wallMs: 0 };
  assert.ok(freshFromWall(10, anchor, 60_000) < freshFromWall(10, anchor, 100));
});

test('staleness is a bound or nothing', () => {
  assert.equal(stalenessOf(null, 5), null);
  assert.equal(stalenessOf(10, 5), 0);
  assert.equal(stalenessOf(10, 50), 40);
  assert.equal(fresher(null, 3), 3);
  assert.equal(fresher(4, 3), 4);
});
