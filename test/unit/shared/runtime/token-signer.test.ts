import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createTokenSigner } from '../../../../shared/runtime/token-signer.ts';

const a = Buffer.alloc(32, 1).toString('base64');
const b = Buffer.alloc(32, 2).toString('base64');

test('what was signed is read back', () => {
  const signer = createTokenSigner({ signWith: 'k1', keys: { k1: a } });
  assert.equal(signer.verify(signer.sign('1.main.3:0/16B3748.e.id')), '1.main.3:0/16B3748.e.id');
});

test('an older key of the set still verifies', () => {
  const before = createTokenSigner({ signWith: 'k1', keys: { k1: a } });
  const after = createTokenSigner({ signWith: 'k2', keys: { k1: a, k2: b } });
  assert.equal(after.verify(before.sign('text')), 'text');
  assert.equal(before.verify(after.sign('text')), null);
});

test('anything else is refused', () => {
  const signer = createTokenSigner({ signWith: 'k1', keys: { k1: a } });
  const good = signer.sign('text');
  const [body, key, signature] = good.split('.') as [string, string, string];
  const forged = Buffer.from('TEXT').toString('base64url');
  const rows: Record<string, string> = {
    empty: '',
    'body changed': `${forged}.${key}.${signature}`,
    'signature cut': good.slice(0, -2),
    'a part more': `${good}.x`,
    'unknown key': `${body}.k9.${signature}`,
    'key of the prototype': `${body}.constructor.${signature}`,
    oversize: 'x'.repeat(5000),
  };
  for (const [name, token] of Object.entries(rows)) assert.equal(signer.verify(token), null, name);
});
