/**
 * Signs short texts with the current key of a set and verifies with any (HMAC-SHA256, RFC 2104).
 */
import { createHmac, timingSafeEqual } from 'node:crypto';
import type { KeySet } from '../config/secrets-schema.ts';

export interface TokenSigner {
  /** `<text, base64url>.<key id>.<signature, base64url>`. */
  sign(text: string): string;
  /** The text, or null when the token is malformed, of an unknown key, or forged. */
  verify(token: string): string | null;
}

/** Tokens are at most this long; a longer one is refused unread. */
const tokenLengthMax = 1024;

/** A signer over the keys of `keySet` (base64 values). */
export function createTokenSigner(keySet: KeySet): TokenSigner {
  /** By value: the set may be another at the next call. */
  const decoded = new Map<string, Buffer>();
  const keyOf = (id: string): Buffer | undefined => {
    const value = Object.hasOwn(keySet.keys, id) ? keySet.keys[id] : undefined;
    if (value === undefined) return undefined;
    const key = decoded.get(value) ?? Buffer.from(value, 'base64');
    decoded.set(value, key);
    return key;
  };
  const signatureOf = (key: Buffer, signed: string): Buffer =>
    createHmac('sha256', key).update(signed).digest();
  return {
    sign(text) {
      const id = keySet.signWith;
      const key = keyOf(id);
      if (key === undefined) throw new RangeError('the signing key is not in the set');
      const signed = `${Buffer.from(text).toString('base64url')}.${id}`;
      return `${signed}.${signatureOf(key, signed).toString('base64url')}`;
    },
    verify(token) {
      if (token.length > tokenLengthMax) return null;
      const [body, keyId, signature, ...rest] = token.split('.');
      if (body === undefined || keyId === undefined || signature === undefined) return null;
      const key = keyOf(keyId);
      if (key === undefined || rest.length > 0) return null;
      const given = Buffer.from(signature, 'base64url');
      const expected = signatureOf(key, `${body}.${keyId}`);
      if (given.length !== expected.length || !timingSafeEqual(given, expected)) return null;
      return Buffer.from(body, 'base64url').toString('utf8');
    },
  };
}
