import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { isWithinCuts, judgeToken, type EpochCut } from '../../../../shared/core/consistency.ts';
import type { Epoch } from '../../../../shared/core/epoch.ts';
import type { Lsn } from '../../../../shared/core/lsn.ts';
import { comparePositions, type Position } from '../../../../shared/core/position.ts';

/**
 * The naive model: histories as plain lists of positions. Each epoch goes on from the list of
 * some region cut at a place, so the history of an epoch is known element by element.
 */
interface Histories {
  readonly cuts: readonly EpochCut[];
  /** The transactions that the primary of each epoch has at its end; index 0 is no epoch. */
  readonly full: readonly (readonly Position[])[];
}

const histories = fc
  .array(fc.record({ keep: fc.nat(), writes: fc.integer({ min: 0, max: 4 }) }), {
    minLength: 1,
    maxLength: 6,
  })
  .map((epochs): Histories => {
    const cuts: EpochCut[] = [];
    const full: (readonly Position[])[] = [[]];
    let before: readonly Position[] = [];
    epochs.forEach(({ keep, writes }, index) => {
      const epoch = (index + 1) as Epoch;
      const kept = before.slice(0, keep % (before.length + 1));
      const cut = kept.at(-1) ?? { epoch: 0 as Epoch, endLsn: 0n as Lsn };
      cuts.push({ epoch, cut });
      const written = Array.from({ length: writes }, (_, n) => ({
        epoch,
        endLsn: BigInt(n) as Lsn,
      }));
      before = [...kept, ...written];
      full.push(before);
    });
    return { cuts, full };
  });

function holds(list: readonly Position[], position: Position): boolean {
  return list.some((one) => comparePositions(one, position) === 0);
}

test('a position is within the cuts exactly when the newest history holds it', () => {
  fc.assert(
    fc.property(histories, ({ cuts, full }) => {
      full.forEach((list) => {
        for (const position of list) {
          const upto = cuts.length as Epoch;
          assert.equal(isWithinCuts(position, upto, cuts), holds(full[upto] ?? [], position));
        }
      });
    }),
  );
});

test('a token is satisfied, awaited or lost exactly as the node holds what it names', () => {
  fc.assert(
    fc.property(histories, fc.nat(), ({ cuts, full }, place) => {
      const everyList = full.slice(1);
      const tokens = everyList.flat();
      for (const list of everyList) {
        const applied = list.slice(0, place % (list.length + 1));
        const node = applied.at(-1);
        if (node === undefined) continue;
        for (const token of tokens) {
          const verdict = judgeToken(token, node, cuts);
          const isHeld = holds(applied, token);
          if (verdict === 'satisfied') assert.ok(isHeld);
          if (verdict === 'lost') assert.ok(!isHeld);
          if (isHeld) assert.equal(verdict, 'satisfied');
        }
      }
    }),
  );
});
