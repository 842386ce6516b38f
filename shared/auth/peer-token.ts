/** Tokens between processes and regions: short-lived JWT (RFC 7519), `aud` meridian-peer. */
import { createSecretKey, type KeyObject } from 'node:crypto';
import { jwtVerify, SignJWT } from 'jose';
import type { KeySet } from '../config/secrets-schema.ts';
import { parseRegionId, type RegionId } from '../core/region.ts';
import { MeridianError } from '../errors/meridian-error.ts';

const audience = 'meridian-peer';
const lifeSeconds = 60;
/** A clock that is off by an hour takes no region away from the others (row N10). */
const toleranceSeconds = 3600;

/** A token that says "a process of `region`", valid for a minute. */
export async function signPeerToken(
  region: RegionId,
  clusterId: string,
  keys: KeySet,
): Promise<string> {
  return new SignJWT()
    .setProtectedHeader({ alg: 'HS256', kid: keys.signWith })
    .setIssuer(clusterId)
    .setAudience(audience)
    .setSubject(region)
    .setIssuedAt()
    .setExpirationTime(`${lifeSeconds}s`)
    .sign(keyOf(keys, keys.signWith));
}

/** The region that the token speaks for; throws Unauthenticated. */
export async function verifyPeerToken(
  token: string,
  clusterId: string,
  keys: KeySet,
): Promise<RegionId> {
  try {
    const { payload } = await jwtVerify(token, (header) => keyOf(keys, header.kid ?? ''), {
      algorithms: ['HS256'],
      issuer: clusterId,
      audience,
      clockTolerance: toleranceSeconds,
    });
    const region = parseRegionId(payload.sub ?? '');
    if (region !== null) return region;
  } catch (error) {
    throw refused(error);
  }
  throw refused(undefined);
}

/** Made once for each value, as long as a set has it: importing costs more than a signature. */
const imported = new WeakMap<KeySet, Map<string, KeyObject>>();

/** The key `id` of the set; throws Unauthenticated for an unknown one. */
export function keyOf(keys: KeySet, id: string): KeyObject {
  const value = Object.hasOwn(keys.keys, id) ? keys.keys[id] : undefined;
  if (value === undefined) throw new MeridianError('Unauthenticated', 'The key id is unknown.');
  const known = imported.get(keys)?.get(value);
  if (known !== undefined) return known;
  const key = createSecretKey(Buffer.from(value, 'base64'));
  const ofSet = imported.get(keys) ?? new Map<string, KeyObject>();
  imported.set(keys, ofSet.set(value, key));
  return key;
}

function refused(cause: unknown): MeridianError {
  const hint = 'Both regions need the same cluster id and peer keys.';
  return new MeridianError('Unauthenticated', 'The peer token is not valid.', { hint }, cause);
}
