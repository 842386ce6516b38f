/** One line per request: what was asked, by whom, where it went. Never queries, bodies, secrets. */
import type { IncomingMessage } from 'node:http';
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
  readonly requestId: string;
  /** Of the reply; 0: the client has left before its end. */
  readonly status: number;
}

/** Counts the request and writes its line. */
export function logExchange(
  runtime: GatewayRuntime,
  { request, requestId, status }: Logged,
  outcome: ExchangeOutcome,
): void {
  const { intake, durationMs, overheadMs, errorCode } = outcome;
  const route = intake?.route.config.id ?? 'none';
  // A conversation lasts as long as it likes: its handshake is what counts as a request.
  const countedMs = status === 101 ? overheadMs : durationMs;
  runtime.meters.request({ route, status, durationMs: countedMs, overheadMs });
  if (!runtime.accessLog.isOn) return;
  const path = intake === null ? '' : withoutQuery(intake.path);
  runtime.accessLog.info(
    `"reqId":"${requestId}","method":"${request.method ?? ''}","path":${JSON.stringify(path)},` +
      `"client":"${intake?.client.address ?? ''}","route":"${route}","status":${String(status)},` +
      `"upstream":${outcome.upstream === null ? 'null' : `"${outcome.upstream}"`},` +
      `"attempts":${String(outcome.attempts)},"durationMs":${hundredths(durationMs)},` +
      `"overheadMs":${hundredths(overheadMs)}${errorCode === '' ? '' : `,"error":"${errorCode}"`}`,
    'request',
  );
}

/** `ms`, not negative, with two digits; far quicker than `toFixed`. */
export function hundredths(ms: number): string {
  const all = Math.round(ms * 100);
  const whole = Math.floor(all / 100);
  const rest = all - whole * 100;
  return `${String(whole)}.${rest < 10 ? '0' : ''}${String(rest)}`;
}
