/** Credentials of the data API: own tokens, an identity provider's with rotating keys, API keys. */
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { createServer } from 'node:http';
import { after, before, test } from 'node:test';
import { exportJWK, generateKeyPair, SignJWT, type JWK } from 'jose';
import { routerConfigSchema } from '../../../services/router/config.ts';
import { DataAuth } from '../../../services/router/io/data-auth.ts';
import { signAccessToken } from '../../../shared/auth/access-token.ts';
import { isMeridianError } from '../../../shared/errors/meridian-error.ts';
import { systemClock } from '../../../shared/runtime/system-clock.ts';
import { testSecrets, loopbackAddresses } from '../../helpers/gateway.ts';

const issuer = 'https://id.example.com';
const { accessKeys } = testSecrets('eu-west').shared;
const clusterId = 'c';
let published: JWK[] = [];
let asked = 0;
const provider = createServer((_request, response) => {
  asked += 1;
  response.setHeader('content-type', 'application/json');
  response.end(JSON.stringify({ keys: published }));
});
const [address = '127.0.0.1'] = loopbackAddresses(1);
let auth: DataAuth;

before(async () => {
  await new Promise<void>((resolve) => provider.listen(7070, address, resolve));
  const config = routerConfigSchema.parse({
    auth: {
      jwt: { jwksUrl: `http://${address}:7070/jwks`, issuer, audience: 'data', cooldownMs: 1 },
      apiKeys: [
        {
          id: 'reports',
          sha256: createHash('sha256').update('secret-key').digest('hex'),
          role: 'reporter',
          scopes: ['data:read'],
        },
      ],
    },
  }).auth;
  auth = new DataAuth({ config, clusterId, accessKeys, clock: systemClock });
});

after(() => {
  provider.close();
});

async function keyPair(alg: 'RS256' | 'ES256', kid: string) {
  const { privateKey, publicKey } = await generateKeyPair(alg);
  const jwk: JWK = { ...(await exportJWK(publicKey)), kid, alg, use: 'sig' };
  const sign = (change: { claims?: Record<string, unknown>; expires?: string } = {}) =>
    new SignJWT({ scope: 'data:write admin:admin', role: 'shop', ...change.claims })
      .setProtectedHeader({ alg, kid })
      .setIssuer(issuer)
      .setAudience('data')
      .setSubject('user-1')
      .setExpirationTime(change.expires ?? '5m')
      .sign(privateKey);
  return { jwk, sign };
}

const bearer = (token: string) => ({ authorization: `Bearer ${token}`, apiKey: undefined });
const isRefused = (error: unknown): boolean => isMeridianError(error, 'Unauthenticated');
const rejects = (token: string) =>
  assert.rejects(async () => auth.identify(bearer(token)), isRefused);

for (const alg of ['RS256', 'ES256'] as const) {
  test(`tokens of the provider: ${alg}, with keys that rotate`, async () => {
    const first = await keyPair(alg, `${alg}-1`);
    published = [first.jwk];
    const access = await auth.identify(bearer(await first.sign()));
    assert.equal(access.role, 'shop');
    assert.deepEqual(access.scopes, ['data:write'], 'no admin scope comes from outside');
    const second = await keyPair(alg, `${alg}-2`);
    await rejects(await second.sign());
    published = [second.jwk];
    await new Promise((resolve) => setTimeout(resolve, 5));
    assert.equal((await auth.identify(bearer(await second.sign()))).subject, 'user-1');
  });
}

test('what a provider token must not be', async () => {
  const { jwk, sign } = await keyPair('ES256', 'strict');
  published = [jwk];
  await new Promise((resolve) => setTimeout(resolve, 5));
  await rejects(await sign({ expires: '-1m' }));
  await rejects(`${await sign()}x`);
  const keys = { ...accessKeys };
  const stolenIssuer = await signAccessToken({
    clusterId: issuer,
    keys,
    subject: 's',
    scopes: ['data:read'],
    role: 'app',
    ttlSeconds: 60,
  });
  await rejects(stolenIssuer);
});

test('own tokens, remembered after the first look', async () => {
  const token = await signAccessToken({
    clusterId,
    keys: accessKeys,
    subject: 'me',
    scopes: ['data:read'],
    role: 'app',
    ttlSeconds: 60,
  });
  const before = asked;
  assert.equal((await auth.identify(bearer(token))).subject, 'me');
  assert.ok(!(auth.identify(bearer(token)) instanceof Promise), 'known at once');
  assert.equal(asked, before, 'the provider was not asked');
});

test('API keys', () => {
  const access = auth.identify({ authorization: undefined, apiKey: 'secret-key' });
  assert.ok(!(access instanceof Promise));
  assert.deepEqual([access.role, access.scopes], ['reporter', ['data:read']]);
  assert.throws(() => auth.identify({ authorization: undefined, apiKey: 'other' }), isRefused);
  assert.throws(() => auth.identify({ authorization: undefined, apiKey: undefined }), isRefused);
  assert.throws(() => auth.identify({ authorization: 'Basic eA==', apiKey: undefined }), isRefused);
});
