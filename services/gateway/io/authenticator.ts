/**
 * Who calls: Meridian's own access tokens, tokens of an identity provider (JWKS, keys rotate by
 * themselves) and API keys. A token that was verified is remembered for a minute at most, never
 * beyond its end or its revocation.
 */
import { createHash } from 'node:crypto';
import { createRemoteJWKSet, errors, jwtVerify, type JWTPayload } from 'jose';
import { hasScope, scopes, verifyAccessToken } from '../../../shared/auth/access-token.ts';
import { checkNotRevoked } from '../../../shared/auth/revocations.ts';
import type { KeySet } from '../../../shared/config/secrets-schema.ts';
import { MeridianError } from '../../../shared/errors/meridian-error.ts';
import type { GatewayConfig, RouteConfig } from '../config.ts';

type AuthRule = NonNullable<RouteConfig['auth']>;

export interface Identity {
  readonly subject: string;
  readonly scopes: readonly string[];
  readonly claims: Readonly<Record<string, unknown>>;
}

export interface Credentials {
  readonly authorization: string | undefined;
  readonly apiKey: string | undefined;
}

export interface Authenticator {
  /**
   * Throws Unauthenticated or Forbidden, UpstreamUnavailable when nothing can be said because an
   * identity provider is away. At once for credentials that were seen before.
   */
  identify(credentials: Credentials, rule: AuthRule): Identity | Promise<Identity>;
}

export interface AuthenticatorOptions {
  readonly config: Pick<GatewayConfig, 'jwt' | 'apiKeys'>;
  readonly clusterId: string;
  readonly accessKeys: KeySet;
  /** Wall-clock milliseconds: tokens expire by it. */
  readonly nowMs: () => number;
}

interface Remembered {
  readonly identity: Identity;
  readonly kind: AuthRule['accept'][number];
  readonly untilMs: number;
}

type Verify = (token: string) => Promise<Identity>;

const rememberedMax = 10_000;
/** A remembered token is verified again after this long, should its key have been withdrawn. */
const rememberMs = 60_000;

/** Nothing is fetched before the first token of the identity provider comes. */
export function createAuthenticator(options: AuthenticatorOptions): Authenticator {
  /** By the whole Authorization header; the kind that accepted it counts for rules too. */
  const remembered = new Map<string, Remembered>();
  const verifiers: Readonly<Record<'meridian' | 'jwt', Verify>> = {
    meridian: meridianVerifier(options),
    jwt: jwksVerifier(options),
  };
  const apiKeys = new Map(options.config.apiKeys.map((key) => [key.sha256, key]));

  const verify = async (header: string, token: string, rule: AuthRule): Promise<Identity> => {
    let failure: unknown;
    let away: ProviderAway | null = null;
    for (const kind of rule.accept) {
      if (kind === 'api-key') continue;
      try {
        const identity = await verifiers[kind](token);
        if (remembered.size >= rememberedMax) remembered.clear();
        const expiry = identity.claims['exp'];
        const endMs = typeof expiry === 'number' ? expiry * 1000 : Infinity;
        const untilMs = Math.min(endMs, options.nowMs() + rememberMs);
        remembered.set(header, { identity, kind, untilMs });
        return identity;
      } catch (error) {
        failure = error;
        if (error instanceof ProviderAway) away = error;
      }
    }
    if (away !== null) {
      const details = { httpStatus: 503, retryAfterMs: 1000 };
      throw new MeridianError('UpstreamUnavailable', away.message, details, away.cause);
    }
    throw new MeridianError('Unauthenticated', 'The token is not valid.', {}, failure);
  };

  return {
    identify({ authorization, apiKey }, rule) {
      if (apiKey !== undefined && rule.accept.includes('api-key')) {
        const known = apiKeys.get(createHash('sha256').update(apiKey).digest('hex'));
        if (known === undefined) throw refused('The API key is not known.');
        return checked({ subject: known.id, scopes: known.scopes, claims: {} }, rule);
      }
      const header = authorization ?? '';
      const hit = remembered.get(header);
      if (hit !== undefined && rule.accept.includes(hit.kind) && options.nowMs() < hit.untilMs) {
        if (hit.kind === 'meridian') checkNotRevoked(hit.identity);
        return checked(hit.identity, rule);
      }
      const token = /^Bearer ([A-Za-z0-9._~+/-]{1,8192}=*)$/i.exec(header)?.[1];
      if (token === undefined) throw refused('No credentials came with the request.');
      return verify(header, token, rule).then((identity) => checked(identity, rule));
    },
  };
}

function checked(identity: Identity, rule: AuthRule): Identity {
  const missing = rule.scopes.filter((scope) => !identity.scopes.includes(scope));
  if (missing.length === 0) return identity;
  const hint = `The credentials need the scope ${missing.join(', ')}.`;
  throw new MeridianError('Forbidden', 'The credentials do not allow this.', { hint });
}

function meridianVerifier(options: AuthenticatorOptions): Verify {
  return async (token) => {
    const access = await verifyAccessToken(token, options.clusterId, options.accessKeys);
    // With those that a stronger one includes.
    const granted = scopes.filter((scope) => hasScope(access, scope));
    return { subject: access.subject, scopes: granted, claims: access.claims };
  };
}

function jwksVerifier({ config: { jwt } }: AuthenticatorOptions): Verify {
  if (jwt === undefined) return () => Promise.reject(refused('No identity provider is set.'));
  const { jwksUrl, issuer, audience, cooldownMs } = jwt;
  const keys = createRemoteJWKSet(new URL(jwksUrl), {
    cooldownDuration: cooldownMs,
    timeoutDuration: 2000,
  });
  return async (token) => {
    const { payload } = await jwtVerify(token, keys, {
      issuer,
      audience,
      algorithms: ['RS256', 'RS384', 'RS512', 'PS256', 'ES256', 'ES384', 'EdDSA', 'Ed25519'],
      requiredClaims: ['exp', 'sub'],
      clockTolerance: 5,
    }).catch((error: unknown) => {
      throw isAboutToken(error) ? error : new ProviderAway(error);
    });
    return { subject: payload.sub ?? '', scopes: scopesOf(payload), claims: payload };
  };
}

/** The identity provider does not give its keys: nothing is known of the token. */
class ProviderAway extends Error {
  override readonly name = 'ProviderAway';
  constructor(cause: unknown) {
    super('The identity provider does not give its keys.', { cause });
  }
}

/** Whether the token was looked at; else its keys could not be had. */
function isAboutToken(error: unknown): boolean {
  if (!(error instanceof errors.JOSEError)) return false;
  return !(error instanceof errors.JWKSTimeout) && error.code !== 'ERR_JOSE_GENERIC';
}

function scopesOf(payload: JWTPayload): readonly string[] {
  const scope = payload['scope'] ?? payload['scp'];
  if (Array.isArray(scope)) return scope.map(String);
  return typeof scope === 'string' ? scope.split(' ') : [];
}

function refused(message: string): MeridianError {
  return new MeridianError('Unauthenticated', message);
}
