/** Fails with one line per problem. */
import assert from 'node:assert/strict';

export function assertNone(problems: readonly string[]): void {
  assert.ok(problems.length === 0, `${problems.length} problems\n${problems.join('\n')}`);
}
