/** The one error class. Who retries looks only at `retry`. */
import { errorCatalogue, type ErrorCode, type Retry } from './catalogue.ts';

export interface ErrorDetails {
  /** What to do next, for a person. */
  readonly hint?: string;
  readonly retryAfterMs?: number;
  readonly sqlstate?: string;
  readonly [fact: string]: unknown;
}

export class MeridianError extends Error {
  override readonly name = 'MeridianError';
  readonly code: ErrorCode;
  readonly retry: Retry;
  readonly httpStatus: number;
  readonly details: ErrorDetails;

  // eslint-disable-next-line max-params -- the cause comes last, as in Error itself
  constructor(code: ErrorCode, message: string, details: ErrorDetails = {}, cause?: unknown) {
    super(message, cause === undefined ? undefined : { cause });
    this.code = code;
    this.retry = errorCatalogue[code].retry;
    this.httpStatus = errorCatalogue[code].httpStatus;
    this.details = details;
  }
}

/** Whether `error` is a MeridianError, of that code when one is given. */
export function isMeridianError(error: unknown, code?: ErrorCode): error is MeridianError {
  return error instanceof MeridianError && (code === undefined || error.code === code);
}

/** The message of anything that was thrown. */
export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
