import assert from 'node:assert/strict';
import { test } from 'node:test';
import { decideReadWait, type WaitFacts } from '../../../../../services/router/core/read-wait.ts';
import { parsePosition, zeroPosition } from '../../../../../shared/core/position.ts';

const facts: WaitFacts = {
  token: parsePosition('1:0/20') ?? zeroPosition,
  best: parsePosition('1:0/10'),
  known: parsePosition('1:0/20'),
  lagMs: 20,
  waitedMs: 0,
  waitMsMax: 50,
  leftMs: 1000,
};

const rows: [string, Partial<WaitFacts>, string, number | null][] = [
  ['a node close by', {}, 'wait', 50],
  ['part of the bound is gone', { waitedMs: 30 }, 'wait', 20],
  ['the bound is gone', { waitedMs: 50 }, 'primary', null],
  ['the deadline is near: half of it is left for the primary', { leftMs: 20 }, 'wait', 10],
  ['no node', { best: null }, 'primary', null],
  ['a token beyond all that is known', { known: parsePosition('1:0/19') }, 'primary', null],
  ['nothing is known', { known: null }, 'primary', null],
  ['a region far behind', { lagMs: 10_000 }, 'primary', null],
  ['an older epoch here', { best: parsePosition('0:0/99') }, 'wait', 50],
];

for (const [name, change, kind, ms] of rows) {
  test(name, () => {
    const decision = decideReadWait({ ...facts, ...change });
    assert.equal(decision.kind, kind, decision.why);
    if (decision.kind === 'wait') assert.equal(decision.ms, ms);
  });
}
