/** Snapshots, proofs of freshness and clocks, against naive models. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import {
  addProof,
  freshAtOf,
  type FreshnessProof,
  type FreshnessProofs,
} from '../../../../../services/router/core/freshness.ts';
import { parseSnapshot, showsAll } from '../../../../../services/router/core/snapshot-check.ts';
import { freshFromWall } from '../../../../../services/router/core/staleness.ts';
import type { Lsn } from '../../../../../shared/core/lsn.ts';
import { isAtOrPast, type Position } from '../../../../../shared/core/position.ts';

test('a snapshot shows exactly the transactions that have ended in it', () => {
  const base = fc.constantFrom(100n, (1n << 32n) - 50n, (7n << 32n) + 5n, (9n << 32n) - 1n);
  const made = fc.record({
    base,
    span: fc.integer({ min: 1, max: 80 }),
    running: fc.uniqueArray(fc.integer({ min: 0, max: 79 })),
    asked: fc.integer({ min: -40, max: 120 }),
  });
  fc.assert(
    fc.property(made, ({ base: xmin, span, running, asked }) => {
      const xmax = xmin + BigInt(span);
      const xip = running.map((n) => xmin + BigInt(n)).filter((xid) => xid < xmax);
      const snapshot = parseSnapshot(`${xmin}:${xmax}:${xip.join(',')}`);
      assert.ok(snapshot);
      const xid = xmin + BigInt(asked);
      const isEnded = xid < xmax && !xip.includes(xid);
      assert.equal(showsAll(snapshot, [Number(xid & 0xffffffffn)]), isEnded);
    }),
  );
});

const position = fc
  .tuple(fc.integer({ min: 1, max: 3 }), fc.integer({ min: 0, max: 20 }))
  .map(([epoch, lsn]) => ({ epoch, endLsn: BigInt(lsn) as Lsn }) as Position);
const proof = fc.record({ position, freshAtMs: fc.integer({ min: 0, max: 100 }) });

test('the best of all proofs that a position reaches', () => {
  fc.assert(
    fc.property(fc.array(proof, { maxLength: 30 }), position, (all: FreshnessProof[], at) => {
      const kept = all.reduce<FreshnessProofs>((known, one) => addProof(known, one), []);
      const reached = all.filter((one) => isAtOrPast(at, one.position));
      const best = reached.length === 0 ? null : Math.max(...reached.map((one) => one.freshAtMs));
      assert.equal(freshAtOf(at, kept), best);
    }),
  );
});

test('no clock offset makes data look fresher than they are', () => {
  const made = fc.record({
    offsetMs: fc.integer({ min: -10_000_000, max: 10_000_000 }),
    sentAtMs: fc.integer({ min: 0, max: 100_000 }),
    wayMs: fc.integer({ min: 0, max: 500 }),
    backMs: fc.integer({ min: 0, max: 500 }),
    provenAtMs: fc.integer({ min: 0, max: 200_000 }),
    laterMs: fc.integer({ min: 0, max: 60_000 }),
    driftPpm: fc.integer({ min: -200, max: 200 }),
  });
  fc.assert(
    fc.property(made, (facts) => {
      const { offsetMs, sentAtMs, wayMs, provenAtMs, driftPpm } = facts;
      // The primary's wall clock at own monotonic time t.
      const wallAt = (t: number): number => t * (1 + driftPpm / 1e6) + offsetMs;
      const anchor = { sentAtMs, wallMs: wallAt(sentAtMs + wayMs) };
      const nowMs = Math.max(sentAtMs + wayMs + facts.backMs, provenAtMs) + facts.laterMs;
      const freshAtMs = freshFromWall(wallAt(provenAtMs), anchor, nowMs);
      assert.ok(freshAtMs <= provenAtMs + 1e-3, `${freshAtMs} > ${provenAtMs}`);
    }),
  );
});
