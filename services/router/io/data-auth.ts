/**
 * Who calls the data API: Meridian's own access tokens, tokens of an identity provider (JWKS; its
 * keys rotate by themselves) and API keys. A token that was verified is remembered for a while.
 */
import { createHash } from 'node:crypto';
import { createRemoteJWKSet, decodeJwt, jwtVerify, type JWTPayload } from 'jose';
import {
  scopes as knownScopes,
  verifyAccessToken,
  type AccessClaims,
} from '../../../shared/auth/access-token.ts';
import { checkNotRevoked } from '../../../shared/auth/revocations.ts';
import type { KeySet } from '../../../shared/config/secrets-schema.ts';
import { MeridianError } from '../../../shared/errors/meridian-error.ts';
import type { Clock } from '../../../shared/ports/clock.ts';
import type { RouterConfig } from '../config.ts';

export interface DataAuthOptions {
  readonly config: RouterConfig['auth'];
  readonly clusterId: string;
  readonly accessKeys: KeySet;
  readonly clock: Clock;
}

/** What came with a request. */
export interface Credentials {
  readonly authorization: string | undefined;
  readonly apiKey: string | undefined;
}

type Verify = (token: string) => Promise<AccessClaims>;

const rememberedMax = 10_000;
/** Verified again after this long, should its key have been withdrawn. */
const rememberMs = 30_000;

export class DataAuth {
  readonly #options: DataAuthOptions;
  readonly #remembered = new Map<string, { readonly access: AccessClaims; untilMs: number }>();
  readonly #apiKeys: ReadonlyMap<string, AccessClaims>;
  readonly #verifyForeign: Verify | null;

  constructor(options: DataAuthOptions) {
    this.#options = options;
    this.#apiKeys = new Map(
      options.config.apiKeys.map(({ id, sha256, role, scopes }) => [
        sha256,
        { subject: `api-key ${id}`, scopes, role, claims: { sub: id, role } },
      ]),
    );
    const { jwt } = options.config;
    this.#verifyForeign = jwt === undefined ? null : foreignVerifier(jwt);
  }

  /** At once for credentials that were seen lately. Throws Unauthenticated. */
  identify({ authorization, apiKey }: Credentials): AccessClaims | Promise<AccessClaims> {
    if (apiKey !== undefined) {
      const known = this.#apiKeys.get(createHash('sha256').update(apiKey).digest('hex'));
      if (known === undefined) throw refused('The API key is not known.');
      return known;
    }
    const token = /^Bearer ([A-Za-z0-9._~+/-]{1,8192}=*)$/i.exec(authorization ?? '')?.[1];
    if (token === undefined) {
      throw refused('No credentials came with the request.');
    }
    const hit = this.#remembered.get(token);
    if (hit !== undefined && this.#options.clock.wallMs() < hit.untilMs) {
      checkNotRevoked(hit.access);
      return hit.access;
    }
    return this.#verify(token);
  }

  async #verify(token: string): Promise<AccessClaims> {
    const { config, clusterId, accessKeys, clock } = this.#options;
    const isForeign = this.#verifyForeign !== null && issuerOf(token) === config.jwt?.issuer;
    const access = await (isForeign && this.#verifyForeign !== null
      ? this.#verifyForeign(token)
      : verifyAccessToken(token, clusterId, accessKeys));
    if (this.#remembered.size >= rememberedMax) this.#remembered.clear();
    const expiryMs = (access.claims.exp ?? 0) * 1000;
    const untilMs = Math.min(expiryMs, clock.wallMs() + rememberMs);
    this.#remembered.set(token, { access, untilMs });
    return access;
  }
}

function foreignVerifier(jwt: NonNullable<RouterConfig['auth']['jwt']>): Verify {
  const keys = createRemoteJWKSet(new URL(jwt.jwksUrl), {
    cooldownDuration: jwt.cooldownMs,
    timeoutDuration: 2000,
  });
  return async (token) => {
    try {
      const { payload } = await jwtVerify(token, keys, {
        issuer: jwt.issuer,
        audience: jwt.audience,
        algorithms: ['RS256', 'PS256', 'ES256', 'EdDSA'],
        requiredClaims: ['exp', 'sub'],
        clockTolerance: 5,
      });
      return accessOf(payload, jwt);
    } catch (error) {
      throw refused('The access token is not valid.', error);
    }
  };
}

function accessOf(
  payload: JWTPayload,
  jwt: NonNullable<RouterConfig['auth']['jwt']>,
): AccessClaims {
  const scope = payload[jwt.scopeClaim];
  const words = Array.isArray(scope) ? scope.map(String) : String(scope ?? '').split(' ');
  const role = payload[jwt.roleClaim];
  return {
    subject: payload.sub ?? '',
    scopes: knownScopes.filter((one) => one.startsWith('data:') && words.includes(one)),
    role: typeof role === 'string' && role !== '' ? role : 'app',
    claims: payload,
  };
}

function issuerOf(token: string): string | undefined {
  try {
    return decodeJwt(token).iss;
  } catch {
    return undefined;
  }
}

function refused(message: string, cause?: unknown): MeridianError {
  const hint = 'Get a token with: npx meridian token --scope data:write';
  return new MeridianError('Unauthenticated', message, { hint }, cause);
}
