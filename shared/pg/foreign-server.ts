/**
 * A server of somebody else's has no certificate of the cluster, so whom to believe is said with
 * its address. Only on this machine it may speak plain text.
 */
import { X509Certificate } from 'node:crypto';
import { createSecureContext, type ConnectionOptions } from 'node:tls';
import { z } from 'zod';
import { MeridianError, messageOf } from '../errors/meridian-error.ts';
import type { RefusalReason } from '../metrics/refusals.ts';
import { refusalReasonOf } from '../runtime/link-security.ts';
import { isOnThisMachine } from '../runtime/this-machine.ts';

const pemBytesMax = 1024 * 1024;
const pem = z.string().max(pemBytesMax);

/** PEM texts. */
export const foreignTlsSchema = z.strictObject({
  /** False: any name will do that the authority vouches for, as libpq's `verify-ca`. */
  isNameChecked: z.boolean(),
  /** Who must have signed the server's certificate. */
  authority: pem,
  /** What this side shows; null: nothing. */
  own: z.strictObject({ certificate: pem, key: pem }).nullable(),
});

export type ForeignTls = z.infer<typeof foreignTlsSchema>;

/** How it is reached. */
export type ForeignWay = ForeignTls | 'plain';

/** Throws ConfigInvalid when plain text would leave this machine. */
export function checkWay(host: string, way: ForeignWay): void {
  if (way !== 'plain' || isOnThisMachine(host)) return;
  const message = `${host} is another machine, where nothing goes in plain text.`;
  const hint = 'Add to the URL: ?sslmode=verify-full&sslrootcert=<file of its authority>.';
  throw new MeridianError('ConfigInvalid', message, { hint });
}

/** Why these texts are no credentials; null: they are. */
export function whyUnfit({ authority, own }: ForeignTls): string | null {
  try {
    new X509Certificate(authority);
  } catch (error) {
    return `the authority is no certificate (${messageOf(error)})`;
  }
  if (own === null) return null;
  try {
    createSecureContext({ cert: own.certificate, key: own.key });
    return null;
  } catch (error) {
    return `certificate and key do not fit (${messageOf(error)})`;
  }
}

/** TLS options of the driver; null: plain text. Throws as `checkWay` does. */
export function foreignTls(host: string, way: ForeignWay): ConnectionOptions | null {
  checkWay(host, way);
  if (way === 'plain') return null;
  return {
    ca: way.authority,
    minVersion: 'TLSv1.2',
    ...(way.own === null ? {} : { cert: way.own.certificate, key: way.own.key }),
    ...(way.isNameChecked ? {} : { checkServerIdentity: () => undefined }),
  };
}

/** A failed connection as a refusal when a certificate was the reason, else `error` itself. */
export function foreignRefusalOf(place: string, error: unknown): unknown {
  if (error instanceof MeridianError) return error;
  const why = refusalReasonOf(error);
  if (why === null) return error;
  const { said, hint } = words[why] ?? { said: null, hint: null };
  const message = `The server at ${place} is not believed: ${said ?? messageOf(error)}.`;
  return new MeridianError(
    'Unauthenticated',
    message,
    { why, ...(hint === null ? {} : { hint }) },
    error,
  );
}

interface Words {
  /** Null: what was thrown says it. */
  readonly said: string | null;
  readonly hint: string;
}

const words: Partial<Record<RefusalReason, Words>> = {
  'foreign-authority': {
    said: null,
    hint: 'sslrootcert names the file of the authority that has signed its certificate.',
  },
  'wrong-region': {
    said: null,
    hint: 'Name a host that its certificate names, or have one issued for the host you name.',
  },
  expired: { said: null, hint: "Renew the server's certificate; check both machines' clocks." },
  'plain-text': {
    said: 'it speaks plain text',
    hint: 'There: ssl = on, ssl_cert_file, ssl_key_file, then SELECT pg_reload_conf().',
  },
  'no-certificate': {
    said: 'it wants a certificate',
    hint: 'Name one of an authority that it believes with sslcert and sslkey.',
  },
};
