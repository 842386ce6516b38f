/** Reading and writing cookies (RFC 6265). */

/** The value of cookie `name` in a Cookie header; undefined when it is not there. */
export function readCookie(header: string | undefined, name: string): string | undefined {
  for (const pair of (header ?? '').split(';')) {
    const at = pair.indexOf('=');
    if (at !== -1 && pair.slice(0, at).trim() === name) return pair.slice(at + 1).trim();
  }
  return undefined;
}

export interface CookieOptions {
  readonly ttlSeconds: number;
  readonly secure: boolean;
  readonly sameSite: 'Strict' | 'Lax' | 'None';
}

/** A Set-Cookie value: for the whole host, out of reach of scripts. */
export function formatCookie(name: string, value: string, options: CookieOptions): string {
  const secure = options.secure ? '; Secure' : '';
  const life = `Max-Age=${String(options.ttlSeconds)}`;
  return `${name}=${value}; Path=/; ${life}; HttpOnly${secure}; SameSite=${options.sameSite}`;
}
