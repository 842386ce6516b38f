import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createLineWriter } from '../../../../shared/logging/line-writer.ts';

function failWith(code: string): never {
  throw Object.assign(new Error(code), { code });
}

/** A file or pipe with room for so many bytes. */
function medium(code: string) {
  const state = { room: Infinity, written: '', calls: 0 };
  const writer = createLineWriter(1, (_, chunk) => {
    state.calls += 1;
    const count = Math.min(state.room, chunk.length);
    if (count === 0) failWith(code);
    state.room -= count;
    state.written += Buffer.from(chunk.subarray(0, count)).toString();
    return count;
  });
  return { state, writer };
}

const notice = (lost: number) =>
  `{"level":"warn","lost":${String(lost)},"msg":"log lines were lost"}\n`;

test('a full disk costs lines, never the process; how many is said once there is room', () => {
  const { state, writer } = medium('ENOSPC');
  state.room = 0;
  writer.write('one\n');
  writer.write('two\nthree\n');
  state.room = Infinity;
  writer.write('four\n');
  writer.write('five\n');
  assert.equal(state.written, `four\n${notice(3)}five\n`);
});

test('a line that was torn by it is counted, and the next one begins on a line of its own', () => {
  const { state, writer } = medium('ENOSPC');
  state.room = 6;
  writer.write('one\ntwo\nthree\n');
  writer.write('four\n');
  state.room = Infinity;
  writer.write('five\n');
  writer.write('six\n');
  assert.equal(state.written, `one\ntw\nfive\n${notice(3)}six\n`);
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

test('a pipe that stays busy is given up, and waited for no more until it takes a line', () => {
  const { state, writer } = medium('EAGAIN');
  state.room = 0;
  writer.write('one\n');
  assert.ok(state.calls > 1);
  state.calls = 0;
  writer.write('two\n');
  assert.equal(state.calls, 1);
  state.room = Infinity;
  writer.write('three\n');
  assert.equal(state.written, `three\n${notice(2)}`);
});
