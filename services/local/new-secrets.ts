/** New secrets of every region of a cluster, with certificates where its links are secured. */
import { randomBytes } from 'node:crypto';
import type { IssuedCertificate } from '../../shared/auth/certificate-authority.ts';
import type { ClusterBase } from '../../shared/config/cluster-schema.ts';
import type { OperatorHolder } from '../../shared/core/certificate/link-certificate.ts';
import { everyAddress } from '../../shared/core/region.ts';
import {
  secretsSchema,
  witnessSecretsSchema,
  type KeySet,
  type Secrets,
  type WitnessSecrets,
} from '../../shared/config/secrets-schema.ts';

type CertifiedPlace = Pick<ClusterBase['regions'][number], 'id' | 'host' | 'bind'>;

export type CertifiedCluster = Pick<ClusterBase, 'clusterId' | 'hosts'> & {
  readonly regions: readonly CertifiedPlace[];
  readonly witnesses?: readonly CertifiedPlace[];
};

export interface MadeSecrets {
  readonly secrets: ReadonlyMap<string, Secrets>;
  readonly witnesses: ReadonlyMap<string, WitnessSecrets>;
  /** Signs further certificates; null in mode plain. */
  readonly authority: IssuedCertificate | null;
}

const dayMs = 24 * 3600 * 1000;
/** Clocks of other hosts may be behind. */
const earlierMs = 3600 * 1000;
const authorityDays = 3650;
export const certificateDays = 397;

/** What is shared is the same in all of them. */
export async function newSecrets(
  cluster: CertifiedCluster,
  isSecured: boolean,
): Promise<MadeSecrets> {
  const authority = isSecured ? await newAuthority(cluster.clusterId) : null;
  const shared = newSharedSecrets(authority);
  const secrets = new Map<string, Secrets>();
  for (const { id } of cluster.regions) {
    secrets.set(id, await newRegionSecrets(cluster, id, { shared, authority }));
  }
  const witnesses = new Map<string, WitnessSecrets>();
  for (const { id } of cluster.witnesses ?? []) {
    witnesses.set(id, await newWitnessSecrets(cluster, id, authority));
  }
  return { secrets, witnesses, authority };
}

/** A region's secrets beside the shared ones of its cluster. */
export async function newRegionSecrets(
  cluster: CertifiedCluster,
  id: string,
  from: { readonly shared: Secrets['shared']; readonly authority: IssuedCertificate | null },
): Promise<Secrets> {
  const { shared, authority } = from;
  const certified =
    authority === null ? {} : { certificates: await newCertificates(cluster, id, { authority }) };
  const own = { redisPassword: newSecret(), agentToken: newSecret(), ...certified };
  return secretsSchema.parse({ version: 1, region: id, shared, own });
}

/** A witness gets a certificate of its Kafka node, and none of the shared secrets. */
export async function newWitnessSecrets(
  cluster: CertifiedCluster,
  id: string,
  authority: IssuedCertificate | null,
): Promise<WitnessSecrets> {
  const certified =
    authority === null
      ? {}
      : {
          authority: authority.certificate,
          broker: (await newCertificates(cluster, id, { authority })).broker,
        };
  return witnessSecretsSchema.parse({ version: 1, witness: id, ...certified });
}

/** Certificates of one region: of its processes and of its Kafka node. */
export async function newCertificates(
  cluster: CertifiedCluster,
  id: string,
  by: { readonly authority: IssuedCertificate; readonly days?: number },
): Promise<NonNullable<Secrets['own']['certificates']>> {
  const { issueCertificate } = await import('../../shared/auth/certificate-authority.ts');
  const places = [...cluster.regions, ...(cluster.witnesses ?? [])];
  const region = places.find((candidate) => candidate.id === id);
  if (region === undefined) throw new RangeError(`the cluster file knows no region ${id}`);
  const { host, bind } = region;
  const addresses = [cluster.hosts[host], bind].filter(
    (address) => address !== undefined && address !== everyAddress,
  );
  const request = {
    clusterId: cluster.clusterId,
    region: id,
    hosts: [host],
    addresses: [...new Set(addresses)] as string[],
    ...validity(by.days ?? certificateDays),
  };
  return {
    region: await issueCertificate(by.authority, { ...request, use: 'region' }),
    broker: await issueCertificate(by.authority, { ...request, use: 'broker' }),
  };
}

/**
 * For an operator of the admin API. It holds from now on: who was revoked until now is told from
 * who was not by when a certificate begins.
 */
export async function newOperatorCertificate(
  authority: IssuedCertificate,
  { days, ...holder }: OperatorHolder & { readonly days: number },
): Promise<IssuedCertificate> {
  const { issueOperatorCertificate } = await import('../../shared/auth/certificate-authority.ts');
  const notBefore = new Date();
  const notAfter = new Date(notBefore.getTime() + days * dayMs);
  return issueOperatorCertificate(authority, { ...holder, notBefore, notAfter });
}

async function newAuthority(clusterId: string): Promise<IssuedCertificate> {
  const { createAuthority } = await import('../../shared/auth/certificate-authority.ts');
  return createAuthority(clusterId, validity(authorityDays));
}

function validity(days: number): { notBefore: Date; notAfter: Date } {
  const now = Date.now();
  return { notBefore: new Date(now - earlierMs), notAfter: new Date(now + days * dayMs) };
}

function newSharedSecrets(authority: IssuedCertificate | null): Secrets['shared'] {
  return {
    accessKeys: newKeySet(),
    positionKeys: newKeySet(),
    peerKeys: newKeySet(),
    ...(authority === null ? {} : { authority: authority.certificate }),
    postgres: {
      owner: newSecret(),
      replicator: newSecret(),
      applier: newSecret(),
      router: newSecret(),
      app: newSecret(),
    },
  };
}

function newKeySet(): KeySet {
  return { signWith: 'k1', keys: { k1: randomBytes(32).toString('base64') } };
}

/** 192 bits, safe in URLs and settings files. */
function newSecret(): string {
  return randomBytes(24).toString('base64url');
}
