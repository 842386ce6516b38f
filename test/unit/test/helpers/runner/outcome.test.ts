import assert from 'node:assert/strict';
import { test } from 'node:test';
import { outcomeOfProgram, outcomeOfTests } from '../../../../helpers/runner/outcome.ts';
import type { ProgramResult } from '../../../../helpers/runner/run-program.ts';

const fine: ProgramResult = { exitCode: 0, isTimedOut: false, output: '', strays: [] };
const line = (result: string): string =>
  `${JSON.stringify({ name: 'n', file: 'f', result, detail: 'd' })}\n`;

const testRows = [
  { name: 'passed and skipped', text: ['passed', 'skipped'], result: fine, shows: [1, 1, 0] },
  {
    name: 'failed',
    text: ['passed', 'failed'],
    result: { ...fine, exitCode: 1 },
    shows: [1, 0, 1],
  },
  { name: 'not loaded', text: [], result: { ...fine, exitCode: 7 }, shows: [0, 0, 1] },
  {
    name: 'passed, then broke',
    text: ['passed'],
    result: { ...fine, exitCode: 1 },
    shows: [1, 0, 1],
  },
  { name: 'holds no test', text: [], result: fine, shows: [0, 0, 1] },
  {
    name: 'left a process',
    text: ['passed'],
    result: { ...fine, strays: ['x'] },
    shows: [1, 0, 1],
  },
  {
    name: 'timed out after a failure',
    text: ['failed'],
    result: { ...fine, exitCode: null, isTimedOut: true },
    shows: [0, 0, 2],
  },
];

for (const { name, text, result, shows } of testRows) {
  test(`test files: ${name}`, () => {
    const outcome = outcomeOfTests('files', text.map(line).join(''), result);
    assert.deepEqual([outcome.passed, outcome.skipped, outcome.failures.length], shows);
  });
}

const programRows = [
  { name: 'succeeds', result: fine, shows: [1, 0, 0] },
  { name: 'fails', result: { ...fine, exitCode: 2 }, shows: [0, 0, 1] },
  { name: 'is killed', result: { ...fine, exitCode: null }, shows: [0, 0, 1] },
  {
    name: 'counts itself',
    result: { ...fine, output: 'x\n5 passed, 0 failed\n' },
    shows: [5, 0, 0],
  },
  {
    name: 'counts its failures',
    result: { ...fine, exitCode: 1, output: '5 passed, 2 failed, 1 skipped\n' },
    shows: [5, 1, 2],
  },
  {
    name: 'counts no failure and yet fails',
    result: { ...fine, exitCode: 1, output: '5 passed, 0 failed\n' },
    shows: [5, 0, 1],
  },
];

for (const { name, result, shows } of programRows) {
  test(`a program that ${name}`, () => {
    const outcome = outcomeOfProgram('program', result);
    assert.deepEqual([outcome.passed, outcome.skipped, outcome.failures.length], shows);
  });
}
