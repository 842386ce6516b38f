/**
 * Which headers pass the gateway: hop-by-hop ones never (RFC 9110, section 7.6.1), Meridian's own
 * only where a client or an upstream may set them, forwarding ones only as the gateway writes them.
 */

/** `expect` and `content-length` are dealt with apart. */
const hopByHop = new Set([
  'connection',
  'keep-alive',
  'proxy-authenticate',
  'proxy-authorization',
  'proxy-connection',
  'te',
  'transfer-encoding',
  'upgrade',
]);

/** What tells where a message ends, how to read it or who may is of no use behind it. */
const inHeadOnly = new Set([
  ...['content-length', 'content-encoding', 'content-range', 'content-type', 'host', 'trailer'],
  ...['set-cookie', 'authorization', 'cache-control', 'location', 'www-authenticate'],
]);

const fromClient = new Set([
  'meridian-consistency',
  'meridian-max-staleness-ms',
  'meridian-durability',
  'meridian-position',
]);

const fromUpstream = new Set([
  'meridian-consistency',
  'meridian-durability',
  'meridian-position',
  'meridian-served-by',
  'meridian-staleness-ms',
]);

/** Written anew by the gateway for every upstream. */
const forwarding = new Set([
  'expect',
  'forwarded',
  'x-forwarded-for',
  'x-forwarded-host',
  'x-forwarded-port',
  'x-forwarded-proto',
  'x-real-ip',
  'x-request-id',
  'cf-connecting-ip',
  'true-client-ip',
  'fastly-client-ip',
]);

/** Names that a Connection header adds to the hop-by-hop ones; null for the usual values. */
export function connectionOptions(value: string | undefined): ReadonlySet<string> | null {
  if (value === undefined || value === 'keep-alive' || value === 'close') return null;
  return new Set(
    value
      .toLowerCase()
      .split(',')
      .map((name) => name.trim()),
  );
}

/** Flat name, value, name, value: the request headers that go on to an upstream. */
export function requestHeaders(
  raw: readonly string[],
  connection: string | undefined,
  isHostKept: boolean,
): string[] {
  const named = connectionOptions(connection);
  const kept: string[] = [];
  let authority: string | null = null;
  for (let i = 0; i + 1 < raw.length; i += 2) {
    const name = (raw[i] ?? '').toLowerCase();
    if (name.startsWith(':')) {
      // HTTP/2 (RFC 9113, section 8.3): the authority takes the place of a Host header.
      if (name === ':authority') authority = raw[i + 1] ?? '';
      continue;
    }
    if (hopByHop.has(name) || forwarding.has(name) || named?.has(name) === true) continue;
    if (name === 'host' && (!isHostKept || authority !== null)) continue;
    if (isOwn(name) && !fromClient.has(name)) continue;
    if (isDisguised(name)) continue;
    if (name === 'cookie' && joinCookie(kept, raw[i + 1] ?? '')) continue;
    kept.push(name, raw[i + 1] ?? '');
  }
  if (authority !== null && isHostKept) kept.push('host', authority);
  return kept;
}

/** HTTP/2 may bring cookies in pieces (RFC 9113, section 8.2.3), HTTP/1.1 wants them in one. */
function joinCookie(kept: string[], value: string): boolean {
  const at = kept.indexOf('cookie');
  if (at === -1 || at % 2 === 1) return false;
  kept[at + 1] = `${kept[at + 1] ?? ''}; ${value}`;
  return true;
}

export type ReplyHeaders = Readonly<Record<string, string | string[] | undefined>>;

/**
 * Flat name, value, …: the reply headers that go back to the client. From another gateway
 * (`isGateway`) all of Meridian's own pass.
 */
export function replyHeaders(headers: ReplyHeaders, isGateway: boolean): string[] {
  const connection = headers['connection'];
  const named = connectionOptions(Array.isArray(connection) ? connection.join(',') : connection);
  const kept: string[] = [];
  for (const name in headers) {
    if (hopByHop.has(name) || named?.has(name) === true) continue;
    if (isOwn(name) && !isGateway && !fromUpstream.has(name)) continue;
    const value = headers[name];
    if (typeof value === 'string') kept.push(name, value);
    else if (value !== undefined) for (const one of value) kept.push(name, one);
  }
  return kept;
}

/** Whether a reply may carry `name` behind its body (RFC 9110, section 6.5.1). */
export function isTrailer(name: string): boolean {
  return !hopByHop.has(name) && !inHeadOnly.has(name) && !isOwn(name);
}

function isOwn(name: string): boolean {
  return name.startsWith('meridian-');
}

/** `X_Forwarded_For` reaches some upstreams as `X-Forwarded-For`: never let it through. */
function isDisguised(name: string): boolean {
  if (!name.includes('_')) return false;
  const plain = name.replaceAll('_', '-');
  return isOwn(plain) || forwarding.has(plain) || hopByHop.has(plain) || plain === 'content-length';
}
