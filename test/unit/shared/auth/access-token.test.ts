import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  hasScope,
  signAccessToken,
  verifyAccessToken,
} from '../../../../shared/auth/access-token.ts';
import { signPeerToken, verifyPeerToken } from '../../../../shared/auth/peer-token.ts';
import type { RegionId } from '../../../../shared/core/region.ts';
import { isMeridianError } from '../../../../shared/errors/meridian-error.ts';

const cluster = '7d9f5a52-0d4e-4f0b-8a9f-3f0a52c1f1aa';
const keys = { signWith: 'k1', keys: { k1: Buffer.alloc(32, 7).toString('base64') } };
const otherKeys = { signWith: 'k1', keys: { k1: Buffer.alloc(32, 8).toString('base64') } };
const base = { clusterId: cluster, keys, subject: 'ada', role: 'app', ttlSeconds: 60 };
const isUnauthenticated = (error: unknown): boolean => isMeridianError(error, 'Unauthenticated');

test('a token grants its scopes and what they include', async () => {
  const token = await signAccessToken({ ...base, scopes: ['data:write'] });
  const claims = await verifyAccessToken(token, cluster, keys);
  assert.equal(claims.role, 'app');
  assert.equal(hasScope(claims, 'data:read'), true);
  assert.equal(hasScope(claims, 'admin:viewer'), false);
});

test('expired, foreign, forged and peer tokens are refused', async () => {
  const expired = await signAccessToken({ ...base, scopes: ['data:read'], ttlSeconds: -60 });
  const foreign = await signAccessToken({ ...base, scopes: ['data:read'], clusterId: 'other' });
  const forged = await signAccessToken({ ...base, scopes: ['data:read'], keys: otherKeys });
  const peer = await signPeerToken('eu-west' as RegionId, cluster, keys);
  for (const token of [expired, foreign, forged, peer, 'x.y.z', '']) {
    await assert.rejects(verifyAccessToken(token, cluster, keys), isUnauthenticated);
  }
});

test('a peer token names its region and nothing else passes as one', async () => {
  const token = await signPeerToken('eu-west' as RegionId, cluster, keys);
  assert.equal(await verifyPeerToken(token, cluster, keys), 'eu-west');
  const access = await signAccessToken({ ...base, scopes: ['admin:admin'] });
  await assert.rejects(verifyPeerToken(access, cluster, keys), isUnauthenticated);
  await assert.rejects(verifyPeerToken(token, cluster, otherKeys), isUnauthenticated);
});

test('a peer token holds though clocks are an hour apart, not for ever', async (context) => {
  const token = await signPeerToken('eu-west' as RegionId, cluster, keys);
  const madeAtMs = Date.now();
  context.mock.timers.enable({ apis: ['Date'], now: madeAtMs });
  for (const offMs of [3_600_000, -3_600_000]) {
    context.mock.timers.setTime(madeAtMs + offMs);
    assert.equal(await verifyPeerToken(token, cluster, keys), 'eu-west');
  }
  context.mock.timers.setTime(madeAtMs + 3_700_000);
  await assert.rejects(verifyPeerToken(token, cluster, keys), isUnauthenticated);
});
