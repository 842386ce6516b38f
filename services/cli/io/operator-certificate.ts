/** The file of an operator: certificate and key for the admin API, and whom to believe. */
import { readFileSync, statSync } from 'node:fs';
import { certificatesIn } from '../../../shared/config/security.ts';
import { operatorOf } from '../../../shared/core/certificate/link-certificate.ts';
import type { LinkIdentity } from '../../../shared/runtime/link-security.ts';
import { CliError } from '../core/cli-error.ts';

export type OperatorIdentity = Omit<LinkIdentity, 'regionsByHost'>;

/** What stands in such a file; curl takes it for `--cert` and for `--cacert` alike. */
export function operatorFileText(of: {
  readonly certificate: string;
  readonly key: string;
  readonly authority: string;
}): string {
  return [of.certificate, of.key, of.authority].map((text) => `${text.trim()}\n`).join('');
}

/** Throws what is wrong with the file, with the fix. */
export function readOperatorFile(path: string): OperatorIdentity {
  const text = textOf(path);
  if ((statSync(path).mode & 0o077) !== 0) {
    throw new CliError(`${path} can be read by others.`, { hint: `chmod 600 ${path}` });
  }
  const [own, ...authority] = certificatesIn(text);
  const key = /-----BEGIN PRIVATE KEY-----[^-]+-----END PRIVATE KEY-----/.exec(text)?.[0];
  const holder = operatorOf(own?.subjectAltName);
  if (own === undefined || key === undefined || holder === null || authority.length === 0) {
    throw new CliError(`${path} is no operator's certificate with its key.`, { hint });
  }
  if (own.validToDate <= new Date()) {
    const since = own.validToDate.toISOString();
    throw new CliError(`The certificate of ${holder.name} expired on ${since}.`, { hint });
  }
  return {
    ...{ clusterId: holder.clusterId, region: null, key, certificate: own.toString() },
    authority: authority.map((one) => one.toString()).join(''),
  };
}

const hint = 'npx meridian certificates operator writes one.';

function textOf(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    throw new CliError(`${path}, which MERIDIAN_CERTIFICATE names, cannot be read.`, { hint });
  }
}
