/**
 * Which requests the listener's own routes may take, told by the first segment of their path: all
 * others are the gateway's without being routed. In doubt the routes are asked.
 */

export interface OwnPaths {
  /** Whether a route other than the gateway's may take a request for `target`. */
  mayTake(target: string): boolean;
}

const slash = 47;
const question = 63;
const percent = 37;
/** Routers end a path at these too. */
const [hash, semicolon] = [35, 59];

/** `patterns` as they were given to the routes; the gateway's own `/*` says nothing. */
export function ownPathsOf(patterns: Iterable<string>): OwnPaths {
  const segments = new Set<string>();
  for (const pattern of patterns) {
    if (pattern === '/*') continue;
    const segment = firstSegment(pattern);
    // A route whose first segment is not fixed may take anything.
    if (segment === null || /[:*(]/.test(segment)) return { mayTake: () => true };
    segments.add(segment);
  }
  return {
    mayTake(target) {
      const segment = firstSegment(target);
      return segment === null || segments.has(segment);
    },
  };
}

/** Null for what has to be decoded first, and for targets that are no path. */
function firstSegment(target: string): string | null {
  if (target.charCodeAt(0) !== slash) return null;
  let end = 0;
  for (let i = 1; i < target.length; i += 1) {
    const code = target.charCodeAt(i);
    if (code === question) return target.slice(1, end === 0 ? i : end);
    if (code === percent || code === hash || code === semicolon) return null;
    if (code === slash && end === 0) end = i;
  }
  return target.slice(1, end === 0 ? target.length : end);
}
