/**
 * The header with which a proxy begins a connection to say whose it is: PROXY protocol, version 1
 * (text) and 2 (binary), as HAProxy's proxy-protocol.txt describes them.
 */

export type ProxyHeader =
  | { readonly kind: 'incomplete' }
  | { readonly kind: 'malformed'; readonly why: string }
  /** The proxy speaks for itself (health checks) or of a connection without addresses. */
  | { readonly kind: 'local'; readonly length: number }
  | {
      readonly kind: 'proxied';
      readonly address: string;
      readonly port: number;
      /** Bytes of the header; the client's own follow. */
      readonly length: number;
    };

const signature = [0x0d, 0x0a, 0x0d, 0x0a, 0x00, 0x0d, 0x0a, 0x51, 0x55, 0x49, 0x54, 0x0a];
const textLengthMax = 107;
const binaryLengthMax = 16 + 2048;

/** Reads the header at the start of a connection. */
export function parseProxyHeader(bytes: Uint8Array): ProxyHeader {
  const shown = Math.min(bytes.length, signature.length);
  if (signature.slice(0, shown).every((byte, index) => bytes[index] === byte)) {
    return shown < signature.length ? { kind: 'incomplete' } : parseBinary(bytes);
  }
  return parseText(bytes);
}

function parseText(bytes: Uint8Array): ProxyHeader {
  const text = String.fromCharCode(...bytes.subarray(0, textLengthMax));
  const end = text.indexOf('\r\n');
  if (end === -1) {
    const isStart = text.startsWith('PROXY ') || 'PROXY '.startsWith(text);
    if (isStart && bytes.length < textLengthMax) return { kind: 'incomplete' };
    return malformed('there is no PROXY header');
  }
  const line = text.slice(0, end);
  const length = end + 2;
  if (/^PROXY UNKNOWN( |$)/.test(line)) return { kind: 'local', length };
  const match = /^PROXY TCP([46]) ([0-9a-fA-F.:]+) [0-9a-fA-F.:]+ (\d{1,5}) \d{1,5}$/.exec(line);
  const [, family, address = '', port] = match ?? [];
  if (match === null || Number(port) > 65_535) return malformed('the PROXY line does not read');
  const isRight = family === '4' ? isIpv4(address) : address.includes(':');
  if (!isRight) return malformed('the address is of another family');
  return { kind: 'proxied', address: address.toLowerCase(), port: Number(port), length };
}

function parseBinary(bytes: Uint8Array): ProxyHeader {
  if (bytes.length < 16) return { kind: 'incomplete' };
  const versionAndCommand = bytes[12] ?? 0;
  const family = bytes[13] ?? 0;
  const length = 16 + ((bytes[14] ?? 0) << 8) + (bytes[15] ?? 0);
  if (versionAndCommand >> 4 !== 2) return malformed('the version is not 2');
  if (length > binaryLengthMax) return malformed('the header is too long');
  if (bytes.length < length) return { kind: 'incomplete' };
  const command = versionAndCommand & 0x0f;
  if (command === 0) return { kind: 'local', length };
  if (command !== 1) return malformed('the command is unknown');
  if (family === 0x11 && length >= 16 + 12) {
    const address = bytes.subarray(16, 20).join('.');
    return { kind: 'proxied', address, port: portAt(bytes, 24), length };
  }
  if (family === 0x21 && length >= 16 + 36) {
    const address = ipv6Text(bytes.subarray(16, 32));
    return { kind: 'proxied', address, port: portAt(bytes, 48), length };
  }
  return family === 0 ? { kind: 'local', length } : malformed('the address family is unknown');
}

function portAt(bytes: Uint8Array, offset: number): number {
  return ((bytes[offset] ?? 0) << 8) + (bytes[offset + 1] ?? 0);
}

/** The text of RFC 5952, without its shortening of zeros beyond leading ones. */
function ipv6Text(bytes: Uint8Array): string {
  const parts: string[] = [];
  for (let i = 0; i < 16; i += 2) parts.push(portAt(bytes, i).toString(16));
  return parts.join(':');
}

function isIpv4(text: string): boolean {
  const parts = text.split('.');
  return parts.length === 4 && parts.every((part) => /^\d{1,3}$/.test(part) && Number(part) < 256);
}

function malformed(why: string): ProxyHeader {
  return { kind: 'malformed', why };
}
