import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  nextAdoptionStep,
  pauseWords,
  type AdoptionLook,
} from '../../../../../../services/cli/core/adopt/take-over-plan.ts';

type Node = NonNullable<AdoptionLook['node']>;

const begun: Node = { data: 'half-made', problem: null, progress: null, adoption: null };
const follows = (behindBytes: number): Node => ({
  ...begun,
  adoption: { phase: 'following', behindBytes },
});
const copying: Node = {
  ...begun,
  progress: { doneBytes: 47, totalBytes: 100 },
  adoption: { phase: 'copying', behindBytes: null },
};
const ready: Node = { ...begun, data: 'ready' };

const rows: readonly (readonly [string, Partial<AdoptionLook>, string | RegExp])[] = [
  ['no agent', { node: null }, /region up eu-west/],
  ['an agent that has not begun', { node: begun }, /to begin/],
  ['one that cannot', { node: { ...begun, problem: 'no room' } }, /no room/],
  ['a copy', { node: copying }, /the copy, 45 %/],
  ['a copy that is behind', { node: follows(5_000_000) }, /5 MB behind/],
  ['a copy that is near', { node: follows(9000) }, 'take-over'],
  [
    'one that takes over',
    { node: { ...begun, adoption: { phase: 'taking-over', behindBytes: 0 } } },
    /its place/,
  ],
  ['a node nobody opened', { node: ready }, /to open/],
  ['a primary alone', { node: ready, primary: 'eu-west' }, /first copy/],
  [
    'a primary whose writes are confirmed',
    { node: ready, primary: 'eu-west', members: 1 },
    'raise-durability',
  ],
];

for (const [title, given, expected] of rows) {
  test(title, () => {
    const look = { node: null, primary: null, members: 0, ...given };
    const step = nextAdoptionStep(look, { region: 'eu-west', k: 1 });
    if (typeof expected === 'string') assert.equal(step.kind, expected);
    else assert.match(step.kind === 'wait' ? step.why : step.kind, expected);
  });
}

test('a take-over is told part by part', () => {
  const times = { askedAtMs: 1000, closedAtMs: 1060, promotedAtMs: 1170, wholeAtMs: 1400 };
  const parts =
    'closing the old database 60ms, promoting the copy 110ms, completing the tables 230ms';
  assert.equal(pauseWords({ ...times, openedAtMs: null }), `took over in 400ms: ${parts}`);
  const all = `took over in 1.1s: ${parts}, the first epoch 700ms`;
  assert.equal(pauseWords({ ...times, openedAtMs: 2100 }), all);
});
