/** One line per request: what was asked, by whom, where it went. Never queries, bodies, secrets. */
import type { IncomingMessage, ServerResponse } from 'node:http';
import { withoutQuery, type Intake } from './intake.ts';
import type { GatewayRuntime } from './runtime.ts';

export interface ExchangeOutcome {
  readonly intake: Intake | null;
  readonly upstream: string | null;
  readonly attempts: number;
  readonly durationMs: number;
  readonly overheadMs: number;
  /** Empty when all went well. */
  readonly errorCode: string;
}

interface Logged {
  readonly request: IncomingMessage;
  readonly reply: ServerResponse;
  readonly requestId: string;
}

/** Counts the request and writes its line; status 0: the client has left before the end. */
export function logExchange(
  runtime: GatewayRuntime,
  { request, reply, requestId }: Logged,
  outcome: ExchangeOutcome,
): void {
  const { intake, durationMs, overheadMs, errorCode } = outcome;
  const status = reply.writableFinished ? reply.statusCode : 0;
  const route = intake?.route.config.id ?? 'none';
  runtime.meters.request({ route, status, durationMs, overheadMs });
  const { accessLog } = runtime;
  if (!accessLog.isLevelEnabled('info')) return;
  const line = {
    reqId: requestId,
    method: request.method,
    path: intake === null ? undefined : withoutQuery(intake.path),
    client: intake?.client.address,
    route,
    status,
    upstream: outcome.upstream,
    attempts: outcome.attempts,
    durationMs: Math.round(durationMs * 100) / 100,
    overheadMs: Math.round(overheadMs * 100) / 100,
  };
  accessLog.info(errorCode === '' ? line : { ...line, error: errorCode }, 'request');
}
