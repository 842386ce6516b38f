/** The head of a request without a body as it goes to an upstream in HTTP/1.1. */

const unsafeValue = /[^\t\x20-\x7e\x80-\xff]/;
const token = /^[!#$%&'*+.^_`|~0-9A-Za-z-]+$/;
const unsafeTarget = /[^\x21-\xff]/;
/** Said by the connection itself, or not at all. */
const framing = new Set(['connection', 'transfer-encoding', 'upgrade', 'expect', 'trailer']);

/**
 * Latin1 text, the empty line included; null when something could not be written without being
 * read as something else. `headers` are flat, names in lower case; `host` is for requests that
 * name none. Lengths are left out: there is no body.
 */
export function formatRequestHead(
  method: string,
  path: string,
  { headers, host }: { readonly headers: readonly string[]; readonly host: string },
): string | null {
  if (unsafeTarget.test(path) || path.charCodeAt(0) !== 47) return null;
  let text = '';
  let isHostGiven = false;
  for (let i = 0; i + 1 < headers.length; i += 2) {
    const name = headers[i] ?? '';
    const value = headers[i + 1] ?? '';
    if (name === 'content-length') continue;
    if (name === 'host') {
      if (isHostGiven) return null;
      isHostGiven = true;
    }
    if (!token.test(name) || unsafeValue.test(value) || framing.has(name)) return null;
    text += `${name}: ${value}\r\n`;
  }
  const own = isHostGiven ? '' : `host: ${host}\r\n`;
  return `${method} ${path} HTTP/1.1\r\n${own}${text}connection: keep-alive\r\n\r\n`;
}
