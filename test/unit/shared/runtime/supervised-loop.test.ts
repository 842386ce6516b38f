import assert from 'node:assert/strict';
import { test } from 'node:test';
import { InvariantBroken } from '../../../../shared/core/assert.ts';
import { createLogger } from '../../../../shared/logging/logger.ts';
import { superviseLoop } from '../../../../shared/runtime/supervised-loop.ts';

const logger = createLogger({ service: 'test', region: 'none', level: 'silent' });
const backoff = { nextMs: () => 0, reset: () => undefined };

test('a loop that fails runs again until it is stopped', async () => {
  const stop = new AbortController();
  let runs = 0;
  const run = (): Promise<void> => {
    runs += 1;
    if (runs === 3) stop.abort();
    return Promise.reject(new Error('failed'));
  };
  await superviseLoop({ name: 'x', run, backoff, logger, signal: stop.signal });
  assert.equal(runs, 3);
});

test('a broken invariant passes through', async () => {
  const run = (): Promise<void> => Promise.reject(new InvariantBroken('no'));
  const signal = new AbortController().signal;
  const loop = superviseLoop({ name: 'x', run, backoff, logger, signal });
  await assert.rejects(loop, InvariantBroken);
});
