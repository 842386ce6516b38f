import assert from 'node:assert/strict';
import { it } from 'node:test';
import { FailureLog } from '../../../../shared/http/failure-log.ts';

function logged(failures: readonly (readonly [atMs: number, code: string])[]): string[] {
  let nowMs = 0;
  const lines: string[] = [];
  const line =
    (level: string) =>
    (facts: unknown): void => {
      const { code, more } = facts as { code: string; more?: number };
      lines.push([level, code, more].filter((part) => part !== undefined).join(' '));
    };
  const log = new FailureLog(() => nowMs);
  const logger = { warn: line('warn'), debug: line('debug') };
  for (const [atMs, code] of failures) {
    nowMs = atMs;
    log.note(logger, { reqId: 'r', code, why: 'a test' });
  }
  return lines;
}

it('a region that is not primary says so once a second, and how often it was asked', () => {
  const lines = logged([
    [0, 'NotPrimary'],
    [10, 'NotPrimary'],
    [999, 'NotPrimary'],
    [1000, 'NotPrimary'],
    [1001, 'NotPrimary'],
  ]);
  const debug = 'debug NotPrimary';
  assert.deepEqual(lines, ['warn NotPrimary', debug, debug, 'warn NotPrimary 2', debug]);
});

it('every other failure is a line', () => {
  const code = 'CommitOutcomeUnknown';
  const lines = logged([
    [0, code],
    [1, code],
  ]);
  assert.deepEqual(lines, [`warn ${code}`, `warn ${code}`]);
});
