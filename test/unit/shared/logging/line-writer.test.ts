import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createLineWriter } from '../../../../shared/logging/line-writer.ts';

function failWith(code: string): never {
  throw Object.assign(new Error(code), { code });
}

test('a full disk costs lines, never the process; how many is said once there is room', () => {
  let isFull = true;
  let written = '';
  const writer = createLineWriter(1, (_, chunk) => {
    if (isFull) failWith('ENOSPC');
    written += Buffer.from(chunk).toString();
    return chunk.length;
  });
  writer.write('one\n');
  writer.write('two\n');
  isFull = false;
  writer.write('three\n');
  writer.write('four\n');
  const notice = '{"level":"warn","lost":2,"msg":"log lines were lost"}';
  assert.equal(written, `three\n${notice}\nfour\n`);
});

test('a line is written whole, in pieces if need be, also past a busy pipe', () => {
  let written = '';
  let calls = 0;
  const writer = createLineWriter(1, (_, chunk) => {
    calls += 1;
    if (calls === 2) failWith('EAGAIN');
    written += Buffer.from(chunk.subarray(0, 4)).toString();
    return Math.min(4, chunk.length);
  });
  writer.write('0123456789\n');
  assert.equal(written, '0123456789\n');
});

test('a pipe that stays busy is given up', () => {
  const writer = createLineWriter(1, () => failWith('EAGAIN'));
  writer.write('x\n');
});
