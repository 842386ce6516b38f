/** The one error of the client: a problem document (RFC 9457), or no reply at all. */

/** never: it is wrong; same: here, later; elsewhere: another region; refresh: look again. */
export type Retry = 'never' | 'same' | 'elsewhere' | 'refresh';

export interface Problem {
  /** A code of Meridian's catalogue, or `NoReply` when none came. */
  readonly code: string;
  readonly status: number;
  readonly detail: string;
  readonly retry: Retry;
  readonly retryAfterMs?: number;
  readonly sqlstate?: string;
  readonly hint?: string;
  readonly requestId?: string;
  readonly facts?: Readonly<Record<string, unknown>>;
}

export class MeridianClientError extends Error implements Problem {
  override readonly name = 'MeridianClientError';
  readonly code: string;
  readonly status: number;
  readonly detail: string;
  readonly retry: Retry;
  readonly retryAfterMs?: number;
  readonly sqlstate?: string;
  readonly hint?: string;
  readonly requestId?: string;
  readonly facts?: Readonly<Record<string, unknown>>;

  constructor(problem: Problem, cause?: unknown) {
    super(problem.detail, cause === undefined ? undefined : { cause });
    this.code = problem.code;
    this.status = problem.status;
    this.detail = problem.detail;
    this.retry = problem.retry;
    if (problem.retryAfterMs !== undefined) this.retryAfterMs = problem.retryAfterMs;
    if (problem.sqlstate !== undefined) this.sqlstate = problem.sqlstate;
    if (problem.hint !== undefined) this.hint = problem.hint;
    if (problem.requestId !== undefined) this.requestId = problem.requestId;
    if (problem.facts !== undefined) this.facts = problem.facts;
  }
}

/** The problem that a reply of status 400 or more stands for. */
export function problemOf(status: number, text: string): Problem {
  const body = parse(text);
  const word = (key: string): string | undefined => {
    const value = body[key];
    return typeof value === 'string' ? value : undefined;
  };
  const retry = (['never', 'same', 'elsewhere', 'refresh'] as const).find(
    (one) => one === body['retry'],
  );
  const [hint, sqlstate, requestId] = [word('hint'), word('sqlstate'), word('requestId')];
  const { retryAfterMs, facts } = body;
  return {
    code: word('code') ?? `Http${status}`,
    status,
    detail: word('detail') ?? `The server answered ${status}.`,
    retry: retry ?? 'never',
    ...(typeof retryAfterMs === 'number' ? { retryAfterMs } : {}),
    ...(sqlstate === undefined ? {} : { sqlstate }),
    ...(hint === undefined ? {} : { hint }),
    ...(requestId === undefined ? {} : { requestId }),
    ...(typeof facts === 'object' && facts !== null
      ? { facts: facts as Record<string, unknown> }
      : {}),
  };
}

function parse(text: string): Readonly<Record<string, unknown>> {
  try {
    const value = JSON.parse(text) as unknown;
    return typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : {};
  } catch {
    return {};
  }
}
