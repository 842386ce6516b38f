/** What the parts of a hand-driven cluster in mode tls are given: certificates of its own. */
import { mkdtempSync, rmSync } from 'node:fs';
import { chmod } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { newSecrets } from '../../../services/local/new-secrets.ts';
import { postgresUser } from '../../../services/local/programs.ts';
import { tlsFiles, writeTlsFiles, type TlsFiles } from '../../../services/local/tls-files.ts';
import type { ClusterBase } from '../../../shared/config/cluster-schema.ts';
import type { Secrets } from '../../../shared/config/secrets-schema.ts';

/** The part of a region's secrets that mode tls adds. */
export interface HandCertificates {
  readonly authority: string;
  readonly certificates: NonNullable<Secrets['own']['certificates']>;
}

export interface HandSecurity {
  of(region: string): HandCertificates;
  /** For PostgreSQL's user alone; Kafka, which the test starts, reads them as well. */
  files(region: string): TlsFiles;
  remove(): void;
}

export async function makeHandSecurity(cluster: ClusterBase): Promise<HandSecurity> {
  const { secrets } = await newSecrets(cluster, true);
  const folder = mkdtempSync(join(tmpdir(), 'meridian-tls-'));
  await chmod(folder, 0o755);
  for (const [id, made] of secrets) await writeTlsFiles(join(folder, id), made, postgresUser());
  return {
    of(region) {
      const { shared, own } = secrets.get(region) ?? {};
      if (shared?.authority === undefined || own?.certificates === undefined) {
        throw new RangeError(`no certificates of ${region}`);
      }
      return { authority: shared.authority, certificates: own.certificates };
    },
    files: (region) => tlsFiles(join(folder, region)),
    remove: () => rmSync(folder, { recursive: true, force: true }),
  };
}

/** Settings of a PostgreSQL server that shows its certificate. */
export function securedServer(files: TlsFiles): Record<string, string> {
  return {
    ssl: 'on',
    ssl_cert_file: `'${files.certificate}'`,
    ssl_key_file: `'${files.key}'`,
    ssl_ca_file: `'${files.authority}'`,
  };
}

/** Properties of a Kafka node that shows its certificate and asks for one. */
export function securedBroker(files: TlsFiles): Record<string, string> {
  const protocols = ['CLIENT', 'BROKER', 'CONTROLLER'].map((name) => `${name}:SSL`);
  return {
    'listener.security.protocol.map': protocols.join(','),
    'ssl.keystore.type': 'PEM',
    'ssl.keystore.location': files.broker,
    'ssl.truststore.type': 'PEM',
    'ssl.truststore.location': files.authority,
    'ssl.client.auth': 'required',
  };
}
