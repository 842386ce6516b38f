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

/** A person or program that may use the admin API, by the role of its scopes. */
export const operatorRoles = ['viewer', 'operator', 'admin'] as const;
export type OperatorRole = (typeof operatorRoles)[number];

export interface OperatorHolder {
  readonly clusterId: string;
  readonly role: OperatorRole;
  readonly name: string;
}

/** What a name may be: it stands in subjects and URIs, where other signs would mean something. */
const operatorName = '[a-z0-9][a-z0-9._-]{0,62}';

export function isOperatorName(text: string): boolean {
  return new RegExp(`^${operatorName}$`).test(text);
}

export function operatorUri({ clusterId, role, name }: OperatorHolder): string {
  return `meridian://${clusterId}/operator/${role}/${name}`;
}

/** The operator that the alternative names stand for, or null. */
export function operatorOf(subjectAltName: string | undefined): OperatorHolder | null {
  const roles = operatorRoles.join('|');
  const form = `^URI:meridian://([0-9a-f-]{36})/operator/(${roles})/(${operatorName})$`;
  for (const name of (subjectAltName ?? '').split(', ')) {
    const match = new RegExp(form).exec(name);
    if (match?.[1] === undefined || match[3] === undefined) continue;
    return { clusterId: match[1], role: match[2] as OperatorRole, name: match[3] };
  }
  return null;
}
