/**
 * The head of an upstream's reply in HTTP/1.1, read strictly: what two readers could understand
 * differently is refused, so that no reply is ever taken for another one (RFC 9112).
 */
import type { ReplyHeaders } from '../header-rules.ts';

export interface ResponseHead {
  readonly status: number;
  /** Names in lower case; a name that comes more than once has a list. */
  readonly headers: ReplyHeaders;
  /** Bytes of the body, or how its end is told. */
  readonly body: number | 'chunked' | 'until-close';
  /** For how long the connection may wait for its next request; 0: it ends with this reply. */
  readonly keepMs: number;
}

const whole = new RegExp(
  String.raw`^HTTP/1\.[01] [1-9]\d\d(?: [\t\x20-\x7e\x80-\xff]*)?` +
    String.raw`(?:\r\n[!#$%&'*+.^_\x60|~0-9A-Za-z-]+:[\t\x20-\x7e\x80-\xff]*)*$`,
);
const [tab, blank] = [9, 32];
const keepMsUsual = 4000;
const keepMsMax = 600_000;
/** The other end counts from when it sent; it must not close while a request is on its way. */
const keepMarginMs = 2000;

/** `text` is latin1, without the empty line that ends it; null: it is no sound head. */
export function parseResponseHead(text: string): ResponseHead | null {
  if (!whole.test(text)) return null;
  const headers = headersOf(text, text.indexOf('\r\n'));
  if (headers === null) return null;
  const status = Number(text.slice(9, 12));
  const isOld = text.charCodeAt(7) === 48;
  const body = bodyOf(status, headers, isOld);
  if (body === null) return null;
  const isSure = body !== 'until-close' && !mayHaveMore(status, headers);
  return { status, headers, body, keepMs: isSure ? keepMsOf(headers, isOld) : 0 };
}

/** A reply that has no body and yet tells of one: some upstreams send it. */
function mayHaveMore(status: number, headers: ReplyHeaders): boolean {
  if (status !== 204 && status !== 304) return false;
  const length = headers['content-length'] ?? '0';
  return headers['transfer-encoding'] !== undefined || length !== '0';
}

/** `from` is where the first line ends. */
function headersOf(text: string, from: number): Record<string, string | string[]> | null {
  const headers: Record<string, string | string[]> = {};
  let at = from;
  while (at !== -1) {
    const next = text.indexOf('\r\n', at + 2);
    const colon = text.indexOf(':', at + 2);
    const name = text.slice(at + 2, colon).toLowerCase();
    // As a property it would be none.
    if (name === '__proto__') return null;
    const value = trimmed(text, colon + 1, next === -1 ? text.length : next);
    const before = Object.hasOwn(headers, name) ? headers[name] : undefined;
    if (before === undefined) headers[name] = value;
    else if (typeof before === 'string') headers[name] = [before, value];
    else before.push(value);
    at = next;
  }
  return headers;
}

function trimmed(text: string, from: number, to: number): string {
  let [start, end] = [from, to];
  while (start < end && isBlank(text.charCodeAt(start))) start += 1;
  while (end > start && isBlank(text.charCodeAt(end - 1))) end -= 1;
  return text.slice(start, end);
}

function isBlank(code: number): boolean {
  return code === blank || code === tab;
}

/** RFC 9112, section 6.3, for methods other than HEAD and CONNECT. Null: it is not certain. */
function bodyOf(
  status: number,
  headers: ReplyHeaders,
  isOld: boolean,
): ResponseHead['body'] | null {
  const coding = headers['transfer-encoding'];
  const length = headers['content-length'];
  if (coding !== undefined) {
    if (typeof coding !== 'string' || coding.toLowerCase() !== 'chunked') return null;
    if (length !== undefined || isOld) return null;
  }
  if (length !== undefined && (typeof length !== 'string' || !/^\d{1,15}$/.test(length))) {
    return null;
  }
  if (status < 200 || status === 204 || status === 304) return 0;
  if (coding !== undefined) return 'chunked';
  return length === undefined ? 'until-close' : Number(length);
}

function keepMsOf(headers: ReplyHeaders, isOld: boolean): number {
  const said = headers['connection'];
  if (said !== undefined || isOld) {
    const words = [said ?? ''].flat().join(',').toLowerCase().split(',');
    const options = words.map((word) => word.trim());
    if (options.includes('close') || (isOld && !options.includes('keep-alive'))) return 0;
  }
  const hint = headers['keep-alive'];
  const seconds = typeof hint === 'string' ? timeoutOf(hint) : NaN;
  if (Number.isNaN(seconds)) return keepMsUsual;
  return Math.max(0, Math.min(seconds * 1000 - keepMarginMs, keepMsMax));
}

/** Seconds; NaN: it says none. */
function timeoutOf(hint: string): number {
  let seconds = NaN;
  if (hint.startsWith('timeout=')) seconds = wholeNumberAt(hint, 'timeout='.length);
  // Behind other parameters, or in other letters.
  return Number.isNaN(seconds) ? Number(/timeout=(\d{1,9})/i.exec(hint)?.[1] ?? NaN) : seconds;
}

/** NaN: there is none. */
function wholeNumberAt(text: string, from: number): number {
  let number = NaN;
  for (let i = from; i < text.length; i += 1) {
    const digit = text.charCodeAt(i) - 48;
    if (digit < 0 || digit > 9) break;
    number = (i === from ? 0 : number * 10) + digit;
  }
  return number;
}
