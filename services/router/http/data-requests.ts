/** Requests of the data API as the core knows them, and what its routes have in common. */
import type { FastifyInstance, FastifyRequest } from 'fastify';
import type { ZodTypeProvider } from 'fastify-type-provider-zod';
import { hasScope, type AccessClaims } from '../../../shared/auth/access-token.ts';
import type { ClusterBase } from '../../../shared/config/cluster-schema.ts';
import type { Consistency, ConsistencyLevel } from '../../../shared/core/consistency.ts';
import type { DurabilityMode } from '../../../shared/core/durability.ts';
import type { PositionToken } from '../../../shared/core/position-token.ts';
import { MeridianError } from '../../../shared/errors/meridian-error.ts';
import type { Clock } from '../../../shared/ports/clock.ts';
import type { DataAccess, DataRequest } from '../../../shared/ports/data-access.ts';
import type { RouterConfig } from '../config.ts';
import { problemSchema, type DataHeaders } from './data-schemas.ts';
import type { PositionCarrier } from './position-carrier.ts';

export interface DataRoutesOptions {
  readonly config: RouterConfig;
  readonly cluster: ClusterBase;
  /** Throws Unauthenticated. */
  readonly identify: (credentials: {
    readonly authorization: string | undefined;
    readonly apiKey: string | undefined;
  }) => AccessClaims | Promise<AccessClaims>;
  readonly access: DataAccess;
  readonly positions: PositionCarrier;
  readonly clock: Clock;
}

export type Settings = {
  readonly consistency?: ConsistencyLevel | undefined;
  readonly maxStalenessMs?: number | undefined;
  readonly durability?: DurabilityMode | undefined;
};

export type Work = Pick<DataRequest, 'statements' | 'isTransaction' | 'isReadOnly' | 'isolation'>;

export const problems = { '4xx': problemSchema, '5xx': problemSchema };

export type DataServer = ReturnType<typeof withTypes>;
export interface RouteBase {
  readonly onRequest: (request: FastifyRequest) => Promise<void>;
  readonly bodyLimit: number;
}

export function withTypes(instance: FastifyInstance) {
  return instance.withTypeProvider<ZodTypeProvider>();
}

/** Milliseconds from now for a request and the taking of its reply. */
export function replyMsOf(
  { config, clock }: DataRoutesOptions,
  { deadlineMs }: DataRequest,
): number {
  return deadlineMs - clock.monotonicMs() + config.limits.replyMsMax;
}

export function single(statement: Work['statements'][number]): Work {
  return { statements: [statement], isTransaction: false, isReadOnly: false, isolation: null };
}

/** The request as the core knows it; throws TokenInvalid, RequestInvalid, Unauthenticated. */
export function requestOf(
  options: DataRoutesOptions,
  request: Pick<FastifyRequest, 'access' | 'id'>,
  asked: { readonly work: Work; readonly settings: Settings; readonly headers: DataHeaders },
): DataRequest {
  const { config, cluster, positions, clock } = options;
  const { headers, settings } = asked;
  const caller = request.access;
  if (caller === undefined) throw new MeridianError('Unauthenticated', 'No credentials came.');
  const token = positions.read(asked.headers);
  const { deadlineMsDefault, deadlineMsMax } = config.limits;
  const deadlineMs = headers['meridian-deadline-ms'] ?? deadlineMsDefault;
  return {
    ...asked.work,
    consistency: consistencyOf(headers, settings, token),
    token: token?.position ?? null,
    isTokenUpperBound: token?.isUpperBound ?? false,
    durability: settings.durability ?? headers['meridian-durability'] ?? cluster.durability.default,
    idempotencyKey: headers['idempotency-key'] ?? null,
    caller: {
      subject: caller.subject,
      role: caller.role,
      canWrite: hasScope(caller, 'data:write'),
      claims: caller.claims,
    },
    isForwarded: false,
    deadlineMs: clock.monotonicMs() + Math.min(deadlineMs, deadlineMsMax),
    requestId: request.id,
  };
}

function consistencyOf(
  headers: DataHeaders,
  settings: Settings,
  token: PositionToken | null,
): Consistency {
  const maxStalenessMs = settings.maxStalenessMs ?? headers['meridian-max-staleness-ms'];
  const level =
    settings.consistency ??
    headers['meridian-consistency'] ??
    (maxStalenessMs === undefined ? 'session' : 'bounded');
  if (level === 'session') return { level, token: token?.position ?? null };
  if (level !== 'bounded') return { level };
  if (maxStalenessMs !== undefined) return { level, maxStalenessMs };
  const hint = 'Send maxStalenessMs or the header meridian-max-staleness-ms.';
  throw new MeridianError('RequestInvalid', 'A bounded read needs its bound.', { hint });
}
