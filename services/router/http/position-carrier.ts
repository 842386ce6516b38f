/**
 * How position tokens travel over HTTP: the header meridian-position and, where it is configured, a
 * cookie for browsers. Of two tokens the later counts. A token beyond a cut is answered with one of
 * the cut, from which the session goes on; a cookie that can never be served is taken back.
 */
import { laterPosition, parsePosition } from '../../../shared/core/position.ts';
import type { PositionToken } from '../../../shared/core/position-token.ts';
import { isMeridianError } from '../../../shared/errors/meridian-error.ts';
import type { DataReply } from '../../../shared/ports/data-access.ts';
import type { RouterConfig } from '../config.ts';
import type { PositionTokens } from './position-tokens.ts';

export interface RequestHeaders {
  readonly 'meridian-position'?: string | undefined;
  readonly cookie?: string | undefined;
}

export interface PositionCarrier {
  /** The token of a request; throws TokenInvalid. */
  read(headers: RequestHeaders): PositionToken | null;
  /** Headers of a reply that carry its token. */
  headersOf(reply: Pick<DataReply, 'position' | 'isUpperBound'>): Readonly<Record<string, string>>;
  /** Headers of a problem: what takes the place of the token that caused it. */
  headersOfProblem(headers: RequestHeaders, error: unknown): Readonly<Record<string, string>>;
}

/** Over `tokens`, with a cookie when one is configured. */
export function createPositionCarrier(
  tokens: PositionTokens,
  cookie: RouterConfig['positionCookie'],
): PositionCarrier {
  const cookieOf = ({ cookie: text }: RequestHeaders): string | undefined =>
    cookie === undefined ? undefined : valueOf(text ?? '', cookie.name);
  const setCookie = (value: string, maxAgeSeconds: number): string => {
    const { name = '', secure = true, sameSite = 'Lax', domain } = cookie ?? {};
    const parts = [`${name}=${value}`, 'Path=/', `Max-Age=${maxAgeSeconds}`, 'HttpOnly'];
    if (domain !== undefined) parts.push(`Domain=${domain}`);
    if (secure) parts.push('Secure');
    return [...parts, `SameSite=${sameSite}`].join('; ');
  };
  const headersOf: PositionCarrier['headersOf'] = (reply) => {
    const token = tokens.write(reply);
    if (token === null) return {};
    const header = { 'meridian-position': token };
    if (cookie === undefined) return header;
    return { ...header, 'set-cookie': setCookie(token, cookie.maxAgeSeconds) };
  };
  return {
    read(headers) {
      const own = tokens.read(headers['meridian-position']);
      const kept = tokens.read(cookieOf(headers));
      if (own === null || kept === null) return own ?? kept;
      return laterPosition(own.position, kept.position) === own.position ? own : kept;
    },
    headersOf,
    headersOfProblem(headers, error) {
      const isLost = isMeridianError(error, 'WriteLost');
      // A router of an earlier version does not say what is left.
      const left = isLost ? parsePosition(String(error.details['left'])) : null;
      if (left !== null) return headersOf({ position: left, isUpperBound: false });
      const isLocked = isLost || isMeridianError(error, 'TokenInvalid');
      if (!isLocked || cookieOf(headers) === undefined) return {};
      return { 'set-cookie': setCookie('', 0) };
    },
  };
}

/** The value of cookie `name` in a Cookie header (RFC 6265, section 4.2); undefined for none. */
function valueOf(header: string, name: string): string | undefined {
  for (const pair of header.split(';')) {
    const at = pair.indexOf('=');
    if (at > 0 && pair.slice(0, at).trim() === name) return pair.slice(at + 1).trim();
  }
  return undefined;
}
