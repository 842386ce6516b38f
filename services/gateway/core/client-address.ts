/**
 * Who the client is: the address of the connection, or what trusted proxies say of it. Headers
 * from anybody else say nothing. Parsing of addresses and CIDR blocks is given by the shell.
 */

export type AddressSource =
  | 'x-forwarded-for'
  | 'forwarded'
  | 'x-real-ip'
  | 'cf-connecting-ip'
  | 'true-client-ip'
  | 'fastly-client-ip';

export interface AddressQuestion {
  /** Address of the other end of the connection. */
  readonly peer: string;
  /** Header values joined by commas; names in lower case. */
  readonly header: (name: string) => string | undefined;
  readonly sources: readonly AddressSource[];
  readonly isTrusted: (address: string) => boolean;
  /** The canonical text of an address, null when it is none. */
  readonly normalise: (address: string) => string | null;
}

export interface ClientAddress {
  readonly address: string;
  /** The connection comes from a trusted proxy. */
  readonly isThroughProxy: boolean;
  readonly source: AddressSource | 'connection';
}

/** Addresses of a chain longer than this are not looked at. */
const chainLengthMax = 64;

/** The first untrusted address, read from the end of the first source that has one. */
export function clientAddressOf(question: AddressQuestion): ClientAddress {
  const peer = question.normalise(question.peer) ?? question.peer;
  if (!question.isTrusted(peer)) {
    return { address: peer, isThroughProxy: false, source: 'connection' };
  }
  for (const source of question.sources) {
    const value = question.header(source);
    if (value === undefined) continue;
    const address = firstUntrusted(chainOf(source, value), question);
    if (address !== null) return { address, isThroughProxy: true, source };
  }
  return { address: peer, isThroughProxy: true, source: 'connection' };
}

/**
 * Walks from the nearest hop outwards over trusted proxies. A part that is no address ends the
 * walk: what lies beyond was written by nobody known.
 */
function firstUntrusted(chain: readonly string[], question: AddressQuestion): string | null {
  let last: string | null = null;
  for (const text of chain.slice(-chainLengthMax).toReversed()) {
    const address = question.normalise(text);
    if (address === null) return last;
    last = address;
    if (!question.isTrusted(address)) return address;
  }
  return last;
}

function chainOf(source: AddressSource, value: string): readonly string[] {
  if (source === 'forwarded') return forwardedFor(value);
  return value.split(',').map((part) => withoutPort(part.trim()));
}

/** The `for` values of a Forwarded header (RFC 7239, section 4), in order. */
export function forwardedFor(value: string): readonly string[] {
  return elementsOf(value, ',').map((element) => {
    for (const pair of elementsOf(element, ';')) {
      const match = /^\s*for\s*=\s*(?:"([^"]*)"|([^\s"]+))\s*$/i.exec(pair);
      if (match !== null) return withoutPort(match[1] ?? match[2] ?? '');
    }
    return '';
  });
}

/** Splits at `separator` outside quotes. */
function elementsOf(text: string, separator: string): string[] {
  const parts: string[] = [];
  let part = '';
  let isQuoted = false;
  for (const letter of text) {
    if (letter === '"') isQuoted = !isQuoted;
    if (letter === separator && !isQuoted) {
      parts.push(part);
      part = '';
    } else {
      part += letter;
    }
  }
  return [...parts, part];
}

/** `192.0.2.1:80` and `[2001:db8::1]:80` without the port. */
function withoutPort(text: string): string {
  const bracketed = /^\[([^\]]+)\](?::\d{1,5})?$/.exec(text);
  if (bracketed?.[1] !== undefined) return bracketed[1];
  return /^(\d{1,3}(?:\.\d{1,3}){3}):\d{1,5}$/.exec(text)?.[1] ?? text;
}
