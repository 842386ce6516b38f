import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { isNeighbour, isSameProgram } from '../../../../../shared/core/control/program-versions.ts';

describe('neighbouring versions', () => {
  const rows = [
    ['1.4.0', '1.4.9', true],
    ['1.4.0', '1.5.3', true],
    ['1.5.3', '1.4.0', true],
    ['1.4.0', '1.6.0', false],
    ['0.9.4', '1.0.0', true],
    ['1.0.2-rc.1', '0.9.4', true],
    ['0.9.4', '1.1.0', false],
    ['0.9.4', '2.0.0', false],
    ['1.4.0+38a9cf8', '1.6.0+c280fbf', false],
    ['1.4.0', 'main', true],
  ] as const;
  for (const [a, b, expected] of rows) {
    it(`${a} and ${b}: ${String(expected)}`, () => {
      assert.equal(isNeighbour(a, b), expected);
    });
  }
});

describe('the same program', () => {
  const rows = [
    ['1.4.0', '1.4.0', true],
    ['1.4.0', '1.4.1', false],
    ['1.4.0+38a9cf8', '1.4.0+38a9cf8', true],
    ['1.4.0+38a9cf8', '1.4.0+c280fbf', false],
    ['1.4.0+38a9cf8', '1.4.0', true],
    ['1.4.0', '1.5.0+38a9cf8', false],
  ] as const;
  for (const [a, b, expected] of rows) {
    it(`${a} and ${b}: ${String(expected)}`, () => {
      assert.equal(isSameProgram(a, b), expected);
    });
  }
});
