import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  chooseCheckpoint,
  isAskingOthers,
  isOtherLog,
  type FoundCheckpoint,
} from '../../../../../services/failover/core/checkpoint-choice.ts';
import { initialControlState } from '../../../../../shared/core/control/control-state.ts';
import type { LogOffset } from '../../../../../shared/core/log-offset.ts';

const offset = (value: number): LogOffset => BigInt(value) as LogOffset;
const of = (value: number, logId: string | null = null): FoundCheckpoint => ({
  checkpoint: { nextOffset: offset(value), state: initialControlState },
  logId,
});

const asking: readonly (readonly [string, number | null, number, number | null, boolean])[] = [
  ['there is no own one', null, 0, 0, true],
  ['the own one is new and within the log', 50, 10, 50, false],
  ['the own one is new, where the log begins is not known', 50, 10, null, false],
  ['the own one is old', 50, 101, 0, true],
  ['the log begins after the own one', 50, 10, 51, true],
];
for (const [name, own, ageMs, begins, isAsked] of asking) {
  test(`others are asked or not: ${name}`, () => {
    const found = own === null ? null : { ...of(own), ageMs };
    const at = begins === null ? null : offset(begins);
    assert.equal(isAskingOthers(found, { begins: at, oldAfterMs: 100 }), isAsked);
  });
}

const choices: readonly (readonly [
  string,
  readonly [number | null, number | null, number | null],
  number | null | 'unknown',
])[] = [
  ['the newer one of another region', [50, 60, 0], 60],
  ['the own one when it is as new', [50, 40, 0], 50],
  ['the own one when nobody answers', [50, null, 0], 50],
  ['none on a log that holds all', [null, null, 0], null],
  ['none when nothing is known', [null, null, null], null],
  ['not one that the log does not follow', [50, 60, 61], 'unknown'],
  ['not none on a log that begins later', [null, null, 1], 'unknown'],
  ['the only one that the log follows', [50, 60, 55], 60],
];
for (const [name, [own, others, begins], expected] of choices) {
  test(`chosen: ${name}`, () => {
    const [mine, theirs] = [own, others].map((one) => (one === null ? null : of(one)));
    const at = begins === null ? null : offset(begins);
    const choice = chooseCheckpoint(mine ?? null, theirs ?? null, at);
    if (choice.kind === 'unknown') assert.equal(expected, 'unknown');
    else {
      const chosen = choice.found?.checkpoint.nextOffset ?? null;
      assert.equal(chosen, expected && offset(Number(expected)));
    }
  });
}

test('offsets of two logs are not compared: a newer checkpoint of another log is not taken', () => {
  assert.equal(chooseCheckpoint(of(50, 'a'), of(60, 'b'), offset(0)).kind, 'unknown');
  assert.equal(chooseCheckpoint(of(50, 'a'), of(60, 'a'), offset(0)).kind, 'chosen');
  assert.equal(chooseCheckpoint(of(50, 'a'), of(60), offset(0)).kind, 'chosen');
  assert.ok(isOtherLog('a', 'b') && !isOtherLog(null, 'b') && !isOtherLog('a', undefined));
});
