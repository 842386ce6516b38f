/** Calls of people's tools to Meridian's listeners: bearer token, JSON, typed errors, deadline. */
import { Agent, request } from 'undici';
import { errorCatalogue, type ErrorCode } from '../errors/catalogue.ts';
import { MeridianError } from '../errors/meridian-error.ts';
import { wasNeverConnected } from './connect-failure.ts';
import { linkConnector } from './secured-link.ts';

export interface BearerCall {
  readonly method: 'GET' | 'POST';
  readonly path: string;
  readonly body?: unknown;
  readonly headers?: Readonly<Record<string, string>>;
  readonly timeoutMs: number;
}

export interface BearerReply {
  readonly status: number;
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
  /** Parsed JSON, or the text when it is none. */
  readonly body: unknown;
}

export interface BearerClient {
  readonly origin: string;
  /**
   * The reply when its status is below 400. Throws the MeridianError that a problem document
   * names, ProtocolViolation for any other refusal, UpstreamUnavailable when nobody answers
   * (`details.wasSent`: whether somebody may have received it).
   */
  call(call: BearerCall): Promise<BearerReply>;
  close(): Promise<void>;
}

const connectTimeoutMs = 2000;

/** A client of the listener at `origin`; `token` is asked for each call, null sends none. */
export function createBearerClient(
  origin: string,
  token: () => Promise<string | null>,
): BearerClient {
  const agent = new Agent({
    connections: 8,
    pipelining: 1,
    connect: linkConnector('admin', connectTimeoutMs),
  });
  const authorization = async () => {
    const bearer = await token();
    return bearer === null ? {} : { authorization: `Bearer ${bearer}` };
  };
  const headersOf = async (call: Pick<BearerCall, 'body' | 'headers'>) => ({
    ...(await authorization()),
    ...(call.body === undefined ? {} : { 'content-type': 'application/json' }),
    ...call.headers,
  });
  return {
    origin,
    async call(call) {
      const reply = await request(new URL(call.path, origin), {
        dispatcher: agent,
        method: call.method,
        headers: await headersOf(call),
        body: call.body === undefined ? null : JSON.stringify(call.body),
        signal: AbortSignal.timeout(Math.max(1, Math.ceil(call.timeoutMs))),
      })
        .then(async (answer) => ({
          status: answer.statusCode,
          headers: answer.headers,
          text: await answer.body.text(),
        }))
        .catch((error: unknown) => {
          if (error instanceof MeridianError) throw error;
          const facts = { wasSent: !wasNeverConnected(error) };
          throw new MeridianError(
            'UpstreamUnavailable',
            `${origin} does not answer.`,
            facts,
            error,
          );
        });
      const body = parseJson(reply.text);
      if (reply.status >= 400) throw errorOfProblem(body, reply.status, origin);
      return { status: reply.status, headers: reply.headers, body };
    },
    close: () => agent.destroy(),
  };
}

/** Whether a listener of this cluster answers `path` with success; throws when it is silent. */
export async function answersOk(origin: string, path: string, timeoutMs = 3000): Promise<boolean> {
  const agent = new Agent({ connect: linkConnector('admin', timeoutMs) });
  try {
    const signal = AbortSignal.timeout(timeoutMs);
    const { statusCode, body } = await request(new URL(path, origin), {
      dispatcher: agent,
      signal,
    });
    await body.dump();
    return statusCode < 400;
  } finally {
    await agent.destroy();
  }
}

/** The error that a reply of status 400 or more stands for. */
export function errorOfProblem(body: unknown, status: number, origin: string): MeridianError {
  if (typeof body !== 'object' || body === null || !('code' in body)) {
    const message = `${origin} answered ${String(status)}.`;
    return new MeridianError('ProtocolViolation', message, { httpStatus: status });
  }
  const problem = body as Record<string, unknown>;
  const code = String(problem['code']);
  const detail = typeof problem['detail'] === 'string' ? problem['detail'] : code;
  const details: Record<string, unknown> = { httpStatus: status };
  for (const key of ['hint', 'retryAfterMs', 'sqlstate', 'requestId']) {
    if (problem[key] !== undefined) details[key] = problem[key];
  }
  const facts = problem['facts'];
  if (typeof facts === 'object' && facts !== null) Object.assign(details, facts);
  const known = Object.hasOwn(errorCatalogue, code) ? (code as ErrorCode) : 'ProtocolViolation';
  return new MeridianError(known, detail, details);
}

function parseJson(text: string): unknown {
  try {
    return text === '' ? null : (JSON.parse(text) as unknown);
  } catch {
    return text;
  }
}
