import assert from 'node:assert/strict';
import { afterEach, test } from 'node:test';
import { createAuthenticator } from '../../../../../services/gateway/io/authenticator.ts';
import { signAccessToken } from '../../../../../shared/auth/access-token.ts';
import { installRevocations } from '../../../../../shared/auth/revocations.ts';

const clusterId = '0d7f2f0c-7f0e-4b57-9a1c-52b1a1c0de00';
const accessKeys = { signWith: 'k1', keys: { k1: Buffer.alloc(32, 7).toString('base64') } };
const rule = { accept: ['meridian' as const], scopes: ['data:read'] };
const common = { clusterId, keys: accessKeys, role: 'app', subject: 'robot' };

let nowMs = Date.now();
const authenticator = createAuthenticator({
  ...{ config: { jwt: undefined, apiKeys: [] }, clusterId, accessKeys },
  nowMs: () => nowMs,
});

afterEach(() => installRevocations([]));

async function credentials(ttlSeconds: number) {
  const token = await signAccessToken({ ...common, scopes: ['data:write'], ttlSeconds });
  return { authorization: `Bearer ${token}`, apiKey: undefined };
}

test('a token is verified once, and a stronger scope includes the weaker', async () => {
  const given = await credentials(3600);
  const first = authenticator.identify(given, rule);
  assert.ok(first instanceof Promise);
  assert.equal((await first).subject, 'robot');
  assert.equal(authenticator.identify(given, rule), await first);
});

test('a remembered token that is revoked is refused with the next request', async () => {
  const given = await credentials(3600);
  const { claims } = await authenticator.identify(given, rule);
  const one = { tokenId: String(claims['jti']), subject: null, issuedBeforeMs: 0 };
  installRevocations([{ ...one, untilMs: nowMs + 3_600_000 }]);
  assert.throws(() => authenticator.identify(given, rule), /revoked/);
});

test('a remembered token ends when it ends, and is looked at anew after a minute', async () => {
  const [short, long] = [await credentials(20), await credentials(3600)];
  const { claims } = await authenticator.identify(short, rule);
  nowMs = Number(claims['exp']) * 1000 - 1;
  await authenticator.identify(long, rule);
  assert.ok(!(authenticator.identify(short, rule) instanceof Promise));
  nowMs += 1;
  const again = authenticator.identify(short, rule);
  assert.ok(again instanceof Promise);
  await again;
  assert.ok(!(authenticator.identify(long, rule) instanceof Promise));
  nowMs += 60_000;
  assert.ok(authenticator.identify(long, rule) instanceof Promise);
});
