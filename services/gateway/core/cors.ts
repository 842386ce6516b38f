/** Cross-origin requests (Fetch standard, "CORS protocol"): who may call and what is said of it. */

export interface CorsPolicy {
  /** `*`, `https://a.example` or `https://*.a.example`. */
  readonly origins: readonly string[];
  readonly methods: readonly string[];
  readonly headers: readonly string[];
  readonly exposed: readonly string[];
  readonly credentials: boolean;
  readonly maxAgeSeconds: number;
}

/** Whether the policy lets `origin` in. */
export function isOriginAllowed(policy: CorsPolicy, origin: string): boolean {
  return policy.origins.some((pattern) => {
    if (pattern === '*' || pattern === origin) return true;
    const at = pattern.indexOf('*.');
    if (at === -1) return false;
    const head = pattern.slice(0, at);
    const tail = pattern.slice(at + 1);
    const middle = origin.slice(head.length, origin.length - tail.length);
    return origin.startsWith(head) && origin.endsWith(tail) && /^[a-z0-9-]+$/i.test(middle);
  });
}

/** Flat name, value, … for the reply to a request of `origin`; nothing without policy or origin. */
export function corsHeaders(policy: CorsPolicy | undefined, origin: string | undefined): string[] {
  if (policy === undefined || origin === undefined) return [];
  if (!isOriginAllowed(policy, origin)) return ['vary', 'origin'];
  const isAny = policy.origins.includes('*') && !policy.credentials;
  return [
    ...['access-control-allow-origin', isAny ? '*' : origin, 'vary', 'origin'],
    ...(policy.credentials ? ['access-control-allow-credentials', 'true'] : []),
    ...(policy.exposed.length > 0
      ? ['access-control-expose-headers', policy.exposed.join(', ')]
      : []),
  ];
}

/** `flat` without what the upstream says of CORS: the route's policy speaks alone. */
export function withoutCors(flat: readonly string[]): string[] {
  return flat.filter((_, at) => !(flat[at - (at % 2)] ?? '').startsWith('access-control-'));
}

/** The headers of the reply to a preflight request; it is refused by what they leave out. */
export function preflightHeaders(policy: CorsPolicy, origin: string): string[] {
  if (!isOriginAllowed(policy, origin)) return ['vary', 'origin'];
  return [
    ...corsHeaders(policy, origin),
    ...['access-control-allow-methods', policy.methods.join(', ')],
    ...['access-control-allow-headers', policy.headers.join(', ')],
    ...['access-control-max-age', String(policy.maxAgeSeconds)],
  ];
}
