/** The certificates of a region's secrets as files, for programs that read them from there. */
import { chown, mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import type { Secrets, WitnessSecrets } from '../../shared/config/secrets-schema.ts';
import type { RunAs } from './process/managed-process.ts';
import { writeFileWhole, type WholeFileOptions } from './process/whole-file.ts';

const ownerOnly = 0o600;

export interface TlsFiles {
  /** Whom everybody believes. */
  readonly authority: string;
  readonly certificate: string;
  readonly key: string;
  /** Certificate and key of the Kafka node in one file, as Kafka wants them. */
  readonly broker: string;
}

export function tlsFiles(folder: string): TlsFiles {
  return {
    authority: join(folder, 'authority.pem'),
    certificate: join(folder, 'region.pem'),
    key: join(folder, 'region-key.pem'),
    broker: join(folder, 'broker.pem'),
  };
}

/** Writes them for `owner` alone; nothing in mode plain. */
export async function writeTlsFiles(
  folder: string,
  { shared, own }: Pick<Secrets, 'shared' | 'own'>,
  owner: RunAs = null,
): Promise<void> {
  const { authority } = shared;
  const { certificates } = own;
  if (authority === undefined || certificates === undefined) return;
  const { region, broker } = certificates;
  const files = tlsFiles(folder);
  const secret = { mode: ownerOnly, owner };
  await writeBrokerFiles(folder, { authority, broker }, { owner });
  // The key first: who sees the new certificate finds its key.
  await writeFileWhole(files.key, region.key, secret);
  await writeFileWhole(files.certificate, region.certificate, secret);
}

/** What a Kafka node needs alone, as on a witness, by default for its owner alone. */
export async function writeBrokerFiles(
  folder: string,
  { authority, broker }: Pick<WitnessSecrets, 'authority' | 'broker'>,
  options: WholeFileOptions = {},
): Promise<void> {
  if (authority === undefined || broker === undefined) return;
  const files = tlsFiles(folder);
  const { owner = null, mode = ownerOnly } = options;
  await mkdir(folder, { recursive: true, mode: 0o700 });
  if (owner !== null) await chown(folder, owner.uid, owner.gid);
  const secret = { mode, owner };
  await writeFileWhole(files.authority, authority, secret);
  await writeFileWhole(files.broker, `${broker.key}${broker.certificate}`, secret);
}
