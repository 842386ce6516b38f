import assert from 'node:assert/strict';
import { test } from 'node:test';
import { compareChecksums } from '../../../../infra/scripts/kafka-jars.mjs';

const [a, b] = ['a'.repeat(64), 'b'.repeat(64)];
const list = `${a}  one.jar\n${b}  two.jar\n`;

test('the pinned jars pass', () => {
  const actual = new Map([
    ['two.jar', b],
    ['one.jar', a],
  ]);
  assert.deepEqual(compareChecksums(list, actual), []);
});

test('a changed, a missing and an additional jar are named', () => {
  const actual = new Map([
    ['one.jar', b],
    ['three.jar', a],
  ]);
  assert.deepEqual(compareChecksums(list, actual), [
    `one.jar has SHA-256 ${b}`,
    'two.jar is missing',
    'three.jar is not pinned',
  ]);
});
