import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  formatSticky,
  parseSticky,
  shortName,
} from '../../../../../services/gateway/core/sticky.ts';
import type { RegionId } from '../../../../../shared/core/region.ts';

const region = 'eu-west' as RegionId;
const sticky = { route: 'shop', region, instance: 'abc1', untilMs: 1000 };

test('what was formatted is read back, until it ends', () => {
  assert.deepEqual(parseSticky(formatSticky(sticky), 'shop', 999), sticky);
  assert.equal(parseSticky(formatSticky(sticky), 'shop', 1000), null);
});

test('a cookie of another route or of another kind says nothing', () => {
  assert.equal(parseSticky(formatSticky(sticky), 'other', 0), null);
  assert.equal(parseSticky('session 1234', 'shop', 0), null);
  assert.equal(parseSticky('sticky shop EU abc1 1000', 'shop', 0), null);
});

test('short names differ and do not show the address', () => {
  const names = Array.from({ length: 1000 }, (_, n) => shortName(`http://upstream:${String(n)}`));
  assert.equal(new Set(names).size, 1000);
  assert.ok(names.every((name) => /^[0-9a-z]{4,14}$/.test(name)));
});
