// test: light
import assert from 'node:assert/strict';
import { join } from 'node:path';
import { test } from 'node:test';
import { runJob } from '../../helpers/runner/run-job.ts';

const rows = [
  { file: 'hangs.ts', deadlineMs: 500, passed: 0, failed: ['deadline', 'sleep 600'] },
  { file: 'leaves-a-process.ts', deadlineMs: 20_000, passed: 1, failed: ['sleep 600'] },
  { file: 'cannot-be-loaded.ts', deadlineMs: 20_000, passed: 0, failed: ['planted'] },
  { file: 'fails-late.ts', deadlineMs: 20_000, passed: 2, failed: ['planted'] },
];

for (const { file, deadlineMs, passed, failed } of rows) {
  test(`the runner sees what is wrong with ${file}`, async () => {
    const outcome = await runJob(
      {
        title: file,
        kind: 'tests',
        targets: [join(import.meta.dirname, '../../fixtures/runner', file)],
        deadlineMs,
        lane: 'light',
      },
      { isLong: false, filters: [] },
    );
    assert.equal(outcome.passed, passed);
    assert.equal(outcome.failures.length, failed.length);
    for (const [index, part] of failed.entries()) {
      assert.match(outcome.failures[index]?.detail ?? '', new RegExp(part));
    }
  });
}
