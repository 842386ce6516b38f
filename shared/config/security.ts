/** Whether a region may start with the security its files describe; what its links are given. */
import { X509Certificate } from 'node:crypto';
import { holderOf, type CertificateUse } from '../core/certificate/link-certificate.ts';
import type { RegionId } from '../core/region.ts';
import { MeridianError } from '../errors/meridian-error.ts';
import type { LinkIdentity } from '../runtime/link-security.ts';
import {
  kafkaPlaces,
  regionOfConfig,
  type ClusterBase,
  type RegionConfig,
} from './cluster-schema.ts';
import { isLoopback } from './external-parts.ts';
import type { Secrets, WitnessSecrets } from './secrets-schema.ts';

type SecuredCluster = Pick<
  ClusterBase,
  'clusterId' | 'security' | 'regions' | 'witnesses' | 'hosts' | 'kafka'
>;

/**
 * Throws ConfigInvalid, with the fix, when region `secrets.region` of `cluster` must not start:
 * plain links beyond this machine, or certificates that are missing, expired or another's.
 */
export function checkSecurity(cluster: SecuredCluster, secrets: Secrets, now = new Date()): void {
  const region = regionOfConfig(cluster as ClusterBase, secrets.region);
  checkExternal(region, secrets);
  checkExternalKafka(cluster, secrets);
  if (cluster.security.mode === 'plain') {
    checkLoopback(region);
    return;
  }
  const { authority } = secrets.shared;
  const { certificates } = secrets.own;
  if (authority === undefined || certificates === undefined) throw withoutCertificates(region.id);
  const { clusterId } = cluster;
  for (const use of ['region', 'broker'] as const) {
    const expected = { authority, clusterId, region: region.id, use, now };
    checkCertificate(certificates[use].certificate, expected);
  }
}

/** The same for a witness. */
export function checkWitness(
  cluster: SecuredCluster,
  secrets: WitnessSecrets,
  now = new Date(),
): void {
  const witness = cluster.witnesses.find(({ id }) => id === secrets.witness);
  if (witness === undefined) {
    throw new RangeError(`the cluster file knows no witness ${secrets.witness}`);
  }
  if (cluster.security.mode === 'plain') {
    checkLoopback(witness);
    return;
  }
  const { authority, broker } = secrets;
  if (authority === undefined || broker === undefined) throw withoutCertificates(witness.id);
  const { clusterId } = cluster;
  const expected = { authority, clusterId, region: witness.id, use: 'broker', now } as const;
  checkCertificate(broker.certificate, expected);
}

function checkLoopback({ id, bind }: { readonly id: RegionId; readonly bind: string }): void {
  if (bind.startsWith('127.')) return;
  const message = `${id} binds ${bind}: mode plain binds loopback addresses only.`;
  throw new MeridianError('ConfigInvalid', message, {
    hint: 'Set security.mode: tls with secrets of npx meridian init, or bind a 127.x address.',
  });
}

/** A part of somebody else's that lets everybody in is none to build on. */
function checkExternal({ id, redis }: RegionConfig, { own }: Secrets): void {
  if (redis.external === undefined || own.external?.redisPassword !== undefined) return;
  const message = `The secrets of ${id} hold no password of its external Redis.`;
  throw new MeridianError('ConfigInvalid', message, {
    hint: 'Add own.external.redisPassword to its secrets file.',
  });
}

function checkExternalKafka(cluster: SecuredCluster, { region, own }: Secrets): void {
  const { external } = cluster.kafka;
  if (external === undefined) return;
  if (external.user !== undefined && own.external?.kafkaPassword === undefined) {
    const message = `The secrets of ${region} hold no password of the external Kafka.`;
    throw new MeridianError('ConfigInvalid', message, {
      hint: 'Add own.external.kafkaPassword to its secrets file.',
    });
  }
  const beyond = kafkaPlaces(cluster)
    .map(({ host, kafka }) => kafka.host ?? host)
    .find((host) => !isLoopback(cluster.hosts[host] ?? host));
  if (external.tls || beyond === undefined) return;
  throw new MeridianError('ConfigInvalid', `kafka.external.tls is false, and ${beyond} is far.`, {
    hint: 'Without TLS every broker must be on this machine.',
  });
}

function withoutCertificates(id: RegionId): MeridianError {
  const message = `The secrets of ${id} hold no certificates, and security.mode is tls.`;
  return new MeridianError('ConfigInvalid', message, {
    hint: 'npx meridian init writes secrets with certificates.',
  });
}

function checkCertificate(text: string, expected: Expected): void {
  const why = whyUnusable(text, expected);
  if (why === null) return;
  const message = `The ${expected.use} certificate of ${expected.region} ${why}.`;
  throw new MeridianError('ConfigInvalid', message, {
    hint: 'npx meridian certificates renew writes new ones from the folder of the authority.',
  });
}

/** What the links of region `secrets.region` use; null in mode plain. */
export function linkIdentityOf(cluster: SecuredCluster, secrets: Secrets): LinkIdentity | null {
  const { authority } = secrets.shared;
  const own = secrets.own.certificates?.region;
  if (cluster.security.mode === 'plain' || authority === undefined || own === undefined)
    return null;
  const regionsByHost = regionsByHostOf(cluster);
  const { bind } = regionOfConfig(cluster as ClusterBase, secrets.region);
  regionsByHost.set(bind, secrets.region);
  return { clusterId: cluster.clusterId, region: secrets.region, authority, ...own, regionsByHost };
}

/** Which region must answer under which name or address. */
export function regionsByHostOf(
  cluster: Pick<SecuredCluster, 'regions' | 'witnesses' | 'hosts'>,
): Map<string, RegionId> {
  const regionsByHost = new Map<string, RegionId>();
  for (const { id, host, bind } of kafkaPlaces(cluster)) {
    regionsByHost.set(host, id);
    const address = cluster.hosts[host];
    if (address !== undefined) regionsByHost.set(address, id);
    // An address of this machine: another region's bind says nothing about it here.
    if (bind.startsWith('127.')) regionsByHost.set(bind, id);
  }
  return regionsByHost;
}

interface Expected {
  readonly authority: string;
  readonly clusterId: string;
  readonly region: RegionId;
  readonly use: CertificateUse;
  readonly now: Date;
}

function whyUnusable(text: string, expected: Expected): string | null {
  let certificate: X509Certificate;
  try {
    certificate = new X509Certificate(text);
  } catch {
    return 'cannot be read';
  }
  const { validFromDate, validToDate } = certificate;
  if (validToDate <= expected.now) return `expired on ${validToDate.toISOString()}`;
  if (validFromDate > expected.now) return `is not valid before ${validFromDate.toISOString()}`;
  const holder = holderOf(certificate.subjectAltName);
  if (holder?.clusterId !== expected.clusterId) return 'is not of this cluster';
  if (holder.region !== expected.region) return `is of ${holder.region}`;
  if (holder.use !== expected.use) return `is made for the ${holder.use}`;
  const isVouchedFor = certificatesIn(expected.authority).some((issuer) =>
    certificate.verify(issuer.publicKey),
  );
  return isVouchedFor ? null : "is not signed by the cluster's own authority";
}

/** Every certificate of a PEM text. */
export function certificatesIn(pem: string): X509Certificate[] {
  const blocks = pem.match(/-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----/g) ?? [];
  return blocks.map((block) => new X509Certificate(block));
}
