/** The URL of a database that is to be adopted, with libpq's parameters for TLS. */

export interface DatabaseUrl {
  readonly host: string;
  readonly port: number;
  readonly database: string;
  readonly user: string;
  /** Null: it is looked up elsewhere. */
  readonly password: string | null;
  /** Null: plain text, which only this machine's own addresses bear. */
  readonly tls: UrlTls | null;
}

/** Names of files. */
export interface UrlTls {
  /** `verify-full`; false: `verify-ca`. */
  readonly isNameChecked: boolean;
  readonly authorityFile: string;
  readonly own: { readonly certificateFile: string; readonly keyFile: string } | null;
}

export type ReadUrl =
  | { readonly kind: 'url'; readonly url: DatabaseUrl }
  | { readonly kind: 'malformed'; readonly why: string };

const scheme = /^postgres(?:ql)?:\/\//;
const hostPart = /(\[[0-9a-f:.]+\]|[^:/?#@[\]]+)/i;
const parts = new RegExp(
  `^(?:([^:@/]*)(?::([^@/]*))?@)?${hostPart.source}(?::(\\d{1,5}))?/([^/?#]+)(?:\\?([^#]*))?$`,
  'i',
);
/** Names that the cluster file takes. */
const databaseName = /^[a-z_][a-z0-9_]{0,62}$/;
const known = ['sslmode', 'sslrootcert', 'sslcert', 'sslkey'];

/** Reads `postgresql://user@host:5432/database?sslmode=verify-full&sslrootcert=file`; one host. */
export function readDatabaseUrl(text: string): ReadUrl {
  if (!scheme.test(text)) return malformed('it begins with postgresql://');
  const found = parts.exec(text.replace(scheme, ''));
  if (found === null) return malformed('it reads postgresql://user@host:5432/database?sslmode=…');
  const [, user = '', password, hostText = '', portText = '5432', name = ''] = found.map(decoded);
  if (user === '') return malformed('it names no user');
  if (!databaseName.test(name)) {
    return malformed(`database ${name}: only lower-case letters, digits and underscores`);
  }
  const port = Number(portText);
  if (port < 1 || port > 65_535) return malformed(`there is no port ${portText}`);
  const tls = readTls(found[6] ?? '');
  if (typeof tls === 'string') return malformed(tls);
  const host = hostText.replace(/^\[(.*)\]$/, '$1');
  return {
    kind: 'url',
    url: { host, port, database: name, user, password: password ?? null, tls },
  };
}

/** Or why it cannot be read. */
function readTls(query: string): UrlTls | null | string {
  const given = new Map<string, string>();
  for (const pair of query.split('&').filter((one) => one !== '')) {
    const [name = '', value = ''] = pair.split('=', 2).map(decoded);
    if (!known.includes(name)) return `${name} is none of its parameters: ${known.join(', ')}`;
    if (given.has(name)) return `it says ${name} twice`;
    given.set(name, value);
  }
  const mode = given.get('sslmode');
  if (mode === undefined || mode === 'disable') {
    return given.size > (mode === undefined ? 0 : 1)
      ? 'certificates go with sslmode=verify-full or verify-ca'
      : null;
  }
  if (mode !== 'verify-full' && mode !== 'verify-ca') {
    return `sslmode=${mode} does not prove whose the server is: use verify-full or verify-ca`;
  }
  return readFiles(given, mode === 'verify-full');
}

function readFiles(given: ReadonlyMap<string, string>, isNameChecked: boolean): UrlTls | string {
  const authorityFile = given.get('sslrootcert') ?? '';
  if (authorityFile === '') return "sslrootcert names the file of the server's authority";
  if (authorityFile === 'system') {
    return 'sslrootcert is a file, such as /etc/ssl/certs/ca-certificates.crt';
  }
  const [certificateFile = '', keyFile = ''] = [given.get('sslcert'), given.get('sslkey')];
  if ((certificateFile === '') !== (keyFile === '')) return 'sslcert and sslkey go together';
  const own = certificateFile === '' ? null : { certificateFile, keyFile };
  return { isNameChecked, authorityFile, own };
}

function decoded(part: string | undefined): string | undefined {
  if (part === undefined || !/%[0-9a-f]{2}/i.test(part)) return part;
  try {
    return decodeURIComponent(part);
  } catch {
    return part;
  }
}

function malformed(why: string): ReadUrl {
  return { kind: 'malformed', why };
}
