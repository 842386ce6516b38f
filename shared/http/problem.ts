/** Errors as problem JSON (RFC 9457). */
import { MeridianError, messageOf } from '../errors/meridian-error.ts';

export interface Problem {
  readonly type: string;
  readonly title: string;
  readonly status: number;
  readonly code: string;
  readonly detail: string;
  readonly hint?: string;
  readonly retry: string;
  readonly retryAfterMs?: number;
  readonly sqlstate?: string;
  readonly requestId: string;
  readonly facts?: Readonly<Record<string, unknown>>;
}

interface ForeignError {
  readonly statusCode?: number;
  readonly validation?: unknown;
  readonly code?: string;
}

/** Any thrown thing as a MeridianError: the framework's own errors become RequestInvalid. */
export function toMeridianError(error: unknown): MeridianError | null {
  if (error instanceof MeridianError) return error;
  const foreign = error as ForeignError;
  const status = foreign.statusCode ?? 500;
  if (foreign.validation !== undefined || (status >= 400 && status < 500)) {
    const code = status === 429 ? 'RateLimited' : 'RequestInvalid';
    return new MeridianError(code, messageOf(error), { httpStatus: status }, error);
  }
  return null;
}

/** The body for `error`; an unexpected error says nothing of its inside. */
export function problemOf(error: unknown, requestId: string): Problem {
  const known = toMeridianError(error);
  if (known === null) {
    const detail = 'An unexpected error; the log has it under the request id.';
    return { ...head('InternalError', 500), detail, retry: 'never', requestId };
  }
  const { hint, retryAfterMs, sqlstate, httpStatus, ...facts } = known.details;
  const status = typeof httpStatus === 'number' ? httpStatus : known.httpStatus;
  return {
    ...head(known.code, status),
    detail: known.message,
    ...(hint === undefined ? {} : { hint }),
    retry: known.retry,
    ...(retryAfterMs === undefined ? {} : { retryAfterMs }),
    ...(sqlstate === undefined ? {} : { sqlstate }),
    requestId,
    ...(Object.keys(facts).length === 0 ? {} : { facts }),
  };
}

function head(code: string, status: number): Pick<Problem, 'type' | 'title' | 'status' | 'code'> {
  const title = code.replaceAll(/(?<=[a-z])(?=[A-Z])/g, ' ');
  return { type: `urn:meridian:error:${code}`, title, status, code };
}
