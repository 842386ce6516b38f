import assert from 'node:assert/strict';
import { test } from 'node:test';
import { renderNextSteps } from '../../../../../services/cli/core/next-steps.ts';

const gatewayUrl = 'http://127.0.0.2:7080';

test('names a region to switch to, the gateway, and how to stop', () => {
  const text = renderNextSteps({ gatewayUrl, other: 'us-east', isForeground: true });
  assert.match(text, /npx meridian switchover us-east/);
  assert.match(text, /curl http:\/\/127\.0\.0\.2:7080\/v1\/query/);
  assert.match(text, /Ctrl-C stops everything/);
});

test('with one region there is nowhere to switch to', () => {
  const text = renderNextSteps({ gatewayUrl, other: null, isForeground: false });
  assert.doesNotMatch(text, /switchover/);
  assert.match(text, /npx meridian down stops everything/);
});
