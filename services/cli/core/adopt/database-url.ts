/** The URL of a database that is to be adopted. */

export interface DatabaseUrl {
  readonly host: string;
  readonly port: number;
  readonly database: string;
  readonly user: string;
}

export type ReadUrl =
  | { readonly kind: 'url'; readonly url: DatabaseUrl }
  | { readonly kind: 'malformed'; readonly why: string };

const scheme = /^postgres(?:ql)?:\/\//;
const parts = /^(?:([^:@/]*)(?::([^@/]*))?@)?([^:/?#@]+)(?::(\d{1,5}))?\/([^/?#]+)$/;
/** Names that the cluster file takes. */
const databaseName = /^[a-z_][a-z0-9_]{0,62}$/;

/** Reads `postgresql://user@host:5432/database`; one host, no options, no password. */
export function readDatabaseUrl(text: string): ReadUrl {
  if (!scheme.test(text)) return malformed('it begins with postgresql://');
  const found = parts.exec(text.replace(scheme, ''));
  if (found === null) return malformed('it reads postgresql://user@host:5432/database');
  if (found[2] !== undefined) {
    return malformed('it holds a password, which arguments show to everybody: use PGPASSWORD');
  }
  const [, user = '', , host = '', port = '5432', name = ''] = found.map(decoded);
  if (user === '') return malformed('it names no user');
  if (!databaseName.test(name)) {
    return malformed(`database ${name}: only lower-case letters, digits and underscores`);
  }
  return { kind: 'url', url: { host, port: Number(port), database: name, user } };
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
