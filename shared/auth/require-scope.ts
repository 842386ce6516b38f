/** Fastify hooks that let a request pass only with the right credentials. */
import type { Socket } from 'node:net';
import type { FastifyRequest } from 'fastify';
import type { KeySet } from '../config/secrets-schema.ts';
import type { RegionId } from '../core/region.ts';
import { MeridianError } from '../errors/meridian-error.ts';
import { countRefusal, type RefusedLink } from '../metrics/refusals.ts';
import { certifiedRegion, refuse } from '../runtime/link-security.ts';
import { hasScope, verifyAccessToken, type AccessClaims, type Scope } from './access-token.ts';
import { accessByCertificate } from './operator-access.ts';
import { verifyPeerToken } from './peer-token.ts';

declare module 'fastify' {
  interface FastifyRequest {
    /** Set by `requireScope`. */
    access?: AccessClaims;
    /** Set by `requirePeer`: the region that calls. */
    peerRegion?: RegionId;
  }
}

export type AuthHook = (request: FastifyRequest) => Promise<void>;

/**
 * Passes requests whose bearer token grants `scope`, or on the admin listener, without a token,
 * whose operator's certificate does; else Unauthenticated or Forbidden.
 */
export function requireScope(scope: Scope, clusterId: string, keys: KeySet): AuthHook {
  const isAdmin = scope.startsWith('admin:') || scope === 'upstream:register';
  const link = isAdmin ? 'admin' : 'public';
  return async (request) => {
    const certified =
      isAdmin && request.headers.authorization === undefined
        ? accessByCertificate(request.raw.socket)
        : null;
    request.access = certified ?? (await accessByToken(request, { link, clusterId, keys }));
    if (!hasScope(request.access, scope)) {
      countRefusal(link, 'scope');
      const hint = `It needs the scope ${scope}.`;
      const what = certified === null ? 'token' : 'certificate';
      throw new MeridianError('Forbidden', `The ${what} does not allow this.`, { hint });
    }
  };
}

async function accessByToken(
  request: FastifyRequest,
  by: { readonly link: RefusedLink; readonly clusterId: string; readonly keys: KeySet },
): Promise<AccessClaims> {
  try {
    return await verifyAccessToken(bearerOf(request), by.clusterId, by.keys);
  } catch (error) {
    countRefusal(by.link, 'bad-token');
    throw error;
  }
}

/** Passes requests of other Meridian processes of the cluster, each with its own certificate. */
export function requirePeer(clusterId: string, keys: KeySet): AuthHook {
  return async (request) => {
    request.peerRegion = await callingRegion(request, request.raw.socket, { clusterId, keys });
  };
}

/** The region that calls, by its token and, in mode tls, by its certificate: both must agree. */
export async function callingRegion(
  request: Pick<FastifyRequest, 'headers'>,
  socket: Socket,
  { clusterId, keys }: { readonly clusterId: string; readonly keys: KeySet },
): Promise<RegionId> {
  const certified = certifiedRegion(socket, 'peer');
  const claimed = await verifyPeerToken(bearerOf(request), clusterId, keys).catch(
    (error: unknown) => {
      countRefusal('peer', 'bad-token');
      throw error;
    },
  );
  if (certified === null || certified === claimed) return claimed;
  const message = `A caller with the certificate of ${certified} claims to be ${claimed}.`;
  throw refuse('peer', 'wrong-region', { message });
}

/** The bearer token of a request (RFC 6750); throws Unauthenticated when there is none. */
export function bearerOf(request: Pick<FastifyRequest, 'headers'>): string {
  const match = /^Bearer ([A-Za-z0-9._~+/-]{1,8192}=*)$/i.exec(request.headers.authorization ?? '');
  if (match?.[1] !== undefined) return match[1];
  const hint = 'Send the header Authorization: Bearer <token>.';
  throw new MeridianError('Unauthenticated', 'No bearer token came with the request.', { hint });
}
