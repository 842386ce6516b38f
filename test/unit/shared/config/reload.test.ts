import assert from 'node:assert/strict';
import { test } from 'node:test';
import { compareConfig, followConfig } from '../../../../shared/config/reload.ts';
import { createLogger } from '../../../../shared/logging/logger.ts';

const logger = createLogger({ service: 'test', region: 'none', level: 'silent' });

test('changed keys are told apart by whether they may change while running', () => {
  const before = { log: { level: 'info' }, policy: { k: 1 }, regions: [1, 2], gateway: { a: 1 } };
  const after = {
    log: { level: 'debug' },
    policy: { k: 2 },
    regions: [1],
    gateway: { a: 1, b: 2 },
  };
  assert.deepEqual(compareConfig(before, after, ['log.level', 'gateway']), {
    reloaded: ['log.level', 'gateway.b'],
    pendingRestart: ['policy.k', 'regions'],
  });
});

test('a broken file keeps the old values and says so, until it is mended', () => {
  let text: string | null = 'one';
  const load = (): { log: string } => {
    if (text === null) throw new Error('line 3 is broken');
    return { log: text };
  };
  const live = followConfig({ path: '/nonexistent', load, reloadable: ['log'], logger });
  const heard: string[] = [];
  live.onChange((config) => heard.push(config.log));
  text = null;
  live.reload();
  assert.deepEqual([live.current().log, live.problem()], ['one', 'line 3 is broken']);
  text = 'two';
  live.reload();
  assert.deepEqual([live.current().log, live.problem(), heard], ['two', null, ['two']]);
  live.stop();
});
