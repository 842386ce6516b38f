import assert from 'node:assert/strict';
import { test } from 'node:test';
import { WanDirection } from '../../../../../services/local/wan/wan-direction.ts';

const pair = { from: 'a', to: 'b', latencyMs: 40 };

test('bytes arrive after the latency and what was added', () => {
  const direction = new WanDirection(pair);
  assert.equal(direction.arrivalMs(10, 1000), 1040);
  direction.change({ action: 'slow', addedMs: 200 });
  assert.equal(direction.arrivalMs(10, 1000), 1240);
  direction.change({ action: 'set', latencyMs: 1 });
  assert.equal(direction.arrivalMs(10, 1000), 1201);
});

test('a limited line is shared: the second waits for the first', () => {
  const direction = new WanDirection(pair);
  direction.change({ action: 'slow', bytesPerSecond: 1000 });
  assert.equal(direction.arrivalMs(500, 0), 540);
  assert.equal(direction.arrivalMs(500, 0), 1040);
  assert.equal(direction.report().bytes, 1000);
});

test('what is lost comes late, as TCP sends it again; the same for the same seed', () => {
  const latenesses = (seed: number): number[] => {
    const direction = new WanDirection(pair);
    direction.change({ action: 'lose', percent: 30, seed });
    return Array.from({ length: 20_000 }, () => direction.arrivalMs(10, 1000) - 1040);
  };
  const found = latenesses(7);
  assert.deepEqual(found, latenesses(7));
  assert.notDeepEqual(found, latenesses(8));
  for (const [index, lateMs] of [0, 200, 600, 1400].entries()) {
    const share = found.filter((one) => one === lateMs).length / found.length;
    assert.ok(Math.abs(share - 0.7 * 0.3 ** index) < 0.02, `${lateMs} ms: ${share}`);
  }
  assert.equal(Math.max(...found) <= 12_600, true);
  const healed = new WanDirection(pair);
  healed.change({ action: 'lose', percent: 90, seed: 1 });
  healed.change({ action: 'heal' });
  assert.equal(healed.arrivalMs(10, 1000), 1040);
});

test('what is sliced comes in pieces, one after the other, and nothing is missing', () => {
  const direction = new WanDirection(pair);
  const chunk = Buffer.from('abcdefgh');
  assert.deepEqual(direction.pieces(chunk), [{ bytes: chunk, laterMs: 0 }]);
  direction.change({ action: 'slice', pieceBytes: 3 });
  const pieces = direction.pieces(chunk);
  assert.deepEqual(
    pieces.map(({ bytes, laterMs }) => [bytes.toString(), laterMs]),
    [
      ['abc', 0],
      ['def', 1],
      ['gh', 2],
    ],
  );
  direction.change({ action: 'heal' });
  assert.equal(direction.pieces(chunk).length, 1);
});

test('heal undoes everything', () => {
  const direction = new WanDirection(pair);
  direction.change({ action: 'set', latencyMs: 7 });
  direction.change({ action: 'slow', addedMs: 5, bytesPerSecond: 9 });
  direction.change({ action: 'cut' });
  assert.equal(direction.state, 'cut');
  direction.change({ action: 'heal' });
  const { state, latencyMs, addedMs, bytesPerSecond } = direction.report();
  assert.deepEqual([state, latencyMs, addedMs, bytesPerSecond], ['open', 40, 0, null]);
});

test('whoever listens hears each change, until it stops', () => {
  const direction = new WanDirection(pair);
  let changes = 0;
  const stop = direction.onChange(() => (changes += 1));
  direction.change({ action: 'freeze' });
  stop();
  direction.change({ action: 'heal' });
  assert.equal(changes, 1);
});
