/**
 * What a certificate of the cluster's own authority says about who holds it. The name is no proof
 * by itself: TLS has checked the chain before anybody asks here.
 */
import { parseRegionId, type RegionId } from '../region.ts';

/** `region`: Meridian's own processes; `broker`: the region's Kafka node among the others. */
export type CertificateUse = 'region' | 'broker';

export interface CertificateHolder {
  readonly clusterId: string;
  readonly use: CertificateUse;
  readonly region: RegionId;
}

export function certificateUri(holder: {
  readonly clusterId: string;
  readonly use: CertificateUse;
  readonly region: string;
}): string {
  return `meridian://${holder.clusterId}/${holder.use}/${holder.region}`;
}

/** Whom the alternative names (`URI:…, DNS:…`, as Node writes them) stand for, or null. */
export function holderOf(subjectAltName: string | undefined): CertificateHolder | null {
  for (const name of (subjectAltName ?? '').split(', ')) {
    const match = /^URI:meridian:\/\/([0-9a-f-]{36})\/(region|broker)\/([a-z0-9-]+)$/.exec(name);
    const region = parseRegionId(match?.[3] ?? '');
    if (match?.[1] === undefined || region === null) continue;
    return { clusterId: match[1], use: match[2] as CertificateUse, region };
  }
  return null;
}
