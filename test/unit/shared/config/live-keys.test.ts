/** A key is replaced in three steps while whoever signs and verifies goes on with the same set. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { signAccessToken, verifyAccessToken } from '../../../../shared/auth/access-token.ts';
import { signPeerToken, verifyPeerToken } from '../../../../shared/auth/peer-token.ts';
import { liveSecrets } from '../../../../shared/config/live-keys.ts';
import type { KeySet, Secrets } from '../../../../shared/config/secrets-schema.ts';
import type { RegionId } from '../../../../shared/core/region.ts';
import { createTokenSigner } from '../../../../shared/runtime/token-signer.ts';

const keyFrom = (letter: string): string => Buffer.from(letter.repeat(32)).toString('base64');
const secretsWith = (set: KeySet): Secrets =>
  ({ shared: { accessKeys: set, positionKeys: set, peerKeys: set } }) as Secrets;
const [old, added] = [keyFrom('a'), keyFrom('b')];
const steps = [
  { signWith: 'k1', keys: { k1: old, k2: added } },
  { signWith: 'k2', keys: { k1: old, k2: added } },
  { signWith: 'k2', keys: { k2: added } },
] as const;
const clusterId = 'c';
const region = 'eu-west' as RegionId;
const access = (keys: KeySet): Promise<string> =>
  signAccessToken({
    ...{ clusterId, keys, subject: 's', scopes: ['data:read'], role: 'app', ttlSeconds: 60 },
  });

test('a step keeps what was signed before it; what an old key signed ends with it', async () => {
  const live = liveSecrets(secretsWith({ signWith: 'k1', keys: { k1: old } }));
  const { accessKeys, peerKeys, positionKeys } = live.secrets.shared;
  const signer = createTokenSigner(positionKeys);
  const first = await access(accessKeys);
  let before = { access: first, peer: '', position: signer.sign('1:0/0') };
  before.peer = await signPeerToken(region, clusterId, peerKeys);
  for (const set of steps) {
    const made = {
      access: await access(accessKeys),
      peer: await signPeerToken(region, clusterId, peerKeys),
      position: signer.sign('1:0/0'),
    };
    live.take(secretsWith(set));
    for (const shown of set.signWith === 'k2' && !('k1' in set.keys) ? [made] : [before, made]) {
      await verifyAccessToken(shown.access, clusterId, accessKeys);
      assert.equal(await verifyPeerToken(shown.peer, clusterId, peerKeys), region);
      assert.equal(signer.verify(shown.position), '1:0/0');
    }
    before = made;
  }
  await assert.rejects(verifyAccessToken(first, clusterId, accessKeys));
});

test('another key under the same id is another key', async () => {
  const live = liveSecrets(secretsWith({ signWith: 'k1', keys: { k1: old } }));
  const { accessKeys, positionKeys } = live.secrets.shared;
  const signer = createTokenSigner(positionKeys);
  const [token, position] = [await access(accessKeys), signer.sign('1:0/0')];
  live.take(secretsWith({ signWith: 'k1', keys: { k1: added } }));
  await assert.rejects(verifyAccessToken(token, clusterId, accessKeys));
  assert.equal(signer.verify(position), null);
});
