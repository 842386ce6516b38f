import assert from 'node:assert/strict';
import { test } from 'node:test';
import { hideSecrets } from '../../../../../services/cli/core/hide-secrets.ts';

test('names stay, values go; version, region and the name of the signing key are open', () => {
  const secrets = {
    version: 1,
    region: 'eu-west',
    shared: { accessKeys: { signWith: 'k1', keys: { k1: 'very secret' } }, list: ['x', 2, null] },
  };
  assert.deepEqual(hideSecrets(secrets), {
    version: 1,
    region: 'eu-west',
    shared: {
      accessKeys: { signWith: 'k1', keys: { k1: '(hidden)' } },
      list: ['(hidden)', '(hidden)', '(hidden)'],
    },
  });
});

test('an open name does not open what lies below it', () => {
  assert.deepEqual(hideSecrets({ region: { password: 'x' } }), {
    region: { password: '(hidden)' },
  });
});
