/** Which configured route a request belongs to: the first that matches, in the file's order. */

export interface RoutePattern {
  /** Host names; `*.example.com` matches below a domain; none: any. */
  readonly hosts: readonly string[];
  /** A path and everything below it. */
  readonly path: string;
  readonly methods: readonly string[];
  readonly headers: Readonly<Record<string, string>>;
}

export interface RouteQuestion {
  readonly host: string;
  /** Without the query. */
  readonly path: string;
  readonly method: string;
  readonly header: (name: string) => string | undefined;
}

/** The first of `routes` that matches, or null. */
export function matchRoute<T extends { readonly match: RoutePattern }>(
  routes: readonly T[],
  question: RouteQuestion,
): T | null {
  for (const route of routes) if (matches(route.match, question)) return route;
  return null;
}

function matches(pattern: RoutePattern, question: RouteQuestion): boolean {
  if (!isBelow(question.path, pattern.path)) return false;
  if (pattern.methods.length > 0 && !pattern.methods.includes(question.method)) return false;
  if (pattern.hosts.length > 0 && !pattern.hosts.some((host) => isHost(question.host, host))) {
    return false;
  }
  for (const name in pattern.headers) {
    if (question.header(name) !== pattern.headers[name]) return false;
  }
  return true;
}

/** `/api` covers `/api` and `/api/x`, not `/apix`. */
function isBelow(path: string, prefix: string): boolean {
  if (prefix === '/') return true;
  if (!path.startsWith(prefix)) return false;
  return prefix.endsWith('/') || path.length === prefix.length || path[prefix.length] === '/';
}

function isHost(given: string, pattern: string): boolean {
  const host = given.toLowerCase().replace(/:\d+$/, '');
  return pattern.startsWith('*.') ? host.endsWith(pattern.slice(1)) : host === pattern;
}
