/** Attempts on a region's Kafka as another process of the cluster, or as a stranger, makes them. */
import assert from 'node:assert/strict';
import { createAuthority, issueCertificate } from '../../../shared/auth/certificate-authority.ts';
import { TopicWriter } from '../../../shared/kafka/topic-writer.ts';
import { createLogger } from '../../../shared/logging/logger.ts';
import { refusals } from '../../../shared/metrics/refusals.ts';
import { installHostResolver } from '../../../shared/runtime/host-resolver.ts';
import type { LinkIdentity } from '../../../shared/runtime/link-security.ts';
import { systemClock as clock } from '../../../shared/runtime/system-clock.ts';
import type { SecuredHosts } from './hosts.ts';

const logger = createLogger({ service: 'test', region: 'eu-west', level: 'error' });

/** Appends to `topic` at the broker of region `at`, with the identity of this process. */
export async function append(hosts: SecuredHosts, topic: string, at: string): Promise<bigint> {
  const { host, kafka } = hosts.region(at);
  installHostResolver(hosts.config.hosts);
  const writer = new TopicWriter({
    ...{ brokers: [`${host}:${kafka.clientPort}`], clientId: 'forger', topic, clock, logger },
    ...{ sendDeadlineMs: 5000, connectDeadlineMs: 3000 },
  });
  try {
    return await writer.send([Buffer.from('forged')]);
  } finally {
    writer.close();
  }
}

/** `own` with a certificate that another authority made out to the same region. */
export async function forgedIdentity(own: LinkIdentity): Promise<LinkIdentity> {
  const { clusterId, region } = own;
  assert.ok(region !== null);
  const validity = { notBefore: new Date(Date.now() - 1000), notAfter: new Date(Date.now() + 1e6) };
  const authority = await createAuthority(clusterId, validity);
  const wanted = { clusterId, region, use: 'region', hosts: [], addresses: [] } as const;
  return { ...own, ...(await issueCertificate(authority, { ...wanted, ...validity })) };
}

export function countOf(why: string): number {
  return refusals().find((one) => one.link === 'kafka' && one.why === why)?.count ?? 0;
}
