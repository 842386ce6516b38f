import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { join } from 'node:path';
import { test } from 'node:test';
import { systemClock } from '../../../../shared/runtime/system-clock.ts';

const monotonicMs = (): number => Number(process.hrtime.bigint()) / 1e6;

test('monotonic time is CLOCK_MONOTONIC', () => {
  for (let i = 0; i < 1000; i += 1) {
    const before = monotonicMs();
    const now = systemClock.monotonicMs();
    const after = monotonicMs();
    assert.ok(now >= before - 0.1 && now <= after + 0.1, `${String(now)} of ${String(before)}`);
  }
});

test('it never goes back', () => {
  let last = systemClock.monotonicMs();
  for (let i = 0; i < 100_000; i += 1) {
    const now = systemClock.monotonicMs();
    assert.ok(now >= last);
    last = now;
  }
});

test('it is the same in another process', () => {
  const file = join(import.meta.dirname, '../../../../shared/runtime/system-clock.ts');
  const source = `import { systemClock } from ${JSON.stringify(file)};
console.log(systemClock.monotonicMs());`;
  const before = systemClock.monotonicMs();
  const other = Number(execFileSync(process.execPath, ['--input-type=module', '-e', source]));
  assert.ok(other > before && other < systemClock.monotonicMs());
});
