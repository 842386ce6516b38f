/** Self-signed certificates for listeners, made by openssl. */
import { execFile } from 'node:child_process';
import { promisify } from 'node:util';

export interface CertificateFiles {
  readonly certPath: string;
  readonly keyPath: string;
}

/** Valid for `names`: host names (`DNS:x`) and addresses (`IP:127.0.0.1`). */
export async function makeCertificate(
  files: CertificateFiles,
  names: readonly string[],
): Promise<void> {
  const made = ['req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes'];
  const kind = ['-days', '30', '-subj', '/CN=meridian test', '-addext'];
  const out = ['-keyout', files.keyPath, '-out', files.certPath];
  await promisify(execFile)('openssl', [
    ...[...made, ...kind, `subjectAltName=${names.join(',')}`],
    ...out,
  ]);
}
