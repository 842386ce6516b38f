import assert from 'node:assert/strict';
import { afterEach, test } from 'node:test';
import { decodeJwt } from 'jose';
import { signAccessToken, verifyAccessToken } from '../../../../shared/auth/access-token.ts';
import { installRevocations } from '../../../../shared/auth/revocations.ts';
import { clusterId, keys } from '../../../helpers/controller-access.ts';

afterEach(() => installRevocations([]));

const issue = (subject: string, ttlSeconds = 60): Promise<string> =>
  signAccessToken({ clusterId, keys, subject, scopes: ['data:read'], role: 'app', ttlSeconds });
const verify = (token: string): Promise<unknown> => verifyAccessToken(token, clusterId, keys);
const revoked = (error: { code: string; details: { why?: unknown } }): boolean =>
  error.code === 'Unauthenticated' && error.details.why === 'revoked';
const untilMs = Date.now() + 60_000;

test('a token is refused by its id, another of the same subject is not', async () => {
  const [stolen, other] = [await issue('ann'), await issue('ann')];
  const tokenId = decodeJwt(stolen).jti ?? '';
  installRevocations([{ tokenId, subject: null, issuedBeforeMs: 0, untilMs }]);
  await assert.rejects(verify(stolen), revoked);
  await verify(other);
});

test('all tokens of a subject until then are refused, later ones and others are not', async () => {
  const [ann, bob] = [await issue('ann'), await issue('bob')];
  const soonMs = Date.now() + 1000;
  const one = { tokenId: null, subject: 'ann', untilMs };
  installRevocations([{ ...one, issuedBeforeMs: soonMs }]);
  await assert.rejects(verify(ann), revoked);
  await verify(bob);
  installRevocations([{ ...one, issuedBeforeMs: Date.now() - 60_000 }]);
  await verify(ann);
});
