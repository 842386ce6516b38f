/**
 * Kafka's access rules: only regions' processes append to the control topic, and to a data topic
 * only its own region's. Brokers are superusers by their own certificates; nobody else is.
 */
import { AclOperations, AclPermissionTypes, Admin } from '@platformatic/kafka';
import { ResourcePatternTypes, ResourceTypes } from '@platformatic/kafka';
import type { RegionId } from '../core/region.ts';
import { withDeadline } from '../runtime/sleep.ts';
import type { LinkTls } from '../runtime/link-security.ts';
import { kafkaRefusal } from './kafka-refusal.ts';
import { controlTopicOf, dataTopicOf } from './topic.ts';

export interface AccessRule {
  readonly principal: string;
  readonly topic: string;
  readonly operation: 'READ' | 'WRITE' | 'CREATE' | 'DELETE' | 'DESCRIBE' | 'DESCRIBE_CONFIGS';
}

const operations = ['READ', 'WRITE', 'CREATE', 'DELETE', 'DESCRIBE', 'DESCRIBE_CONFIGS'] as const;

/** What the regions of `cell` may do; everything else is refused. */
export function accessRulesOf(cell: string, regions: readonly RegionId[]): readonly AccessRule[] {
  return regions.flatMap((region) => {
    const principal = `User:region.${region}`;
    return [controlTopicOf(cell), dataTopicOf(cell, region)].flatMap((topic) =>
      operations.map((operation) => ({ principal, topic, operation })),
    );
  });
}

const stepDeadlineMs = 5000;

/** Adds the rules that are missing, as the broker whose certificate `tls` shows. */
export async function ensureAccessRules(
  target: { readonly brokers: readonly string[]; readonly clientId: string; readonly tls: LinkTls },
  rules: readonly AccessRule[],
): Promise<void> {
  const admin = new Admin({
    clientId: target.clientId,
    bootstrapBrokers: [...target.brokers],
    connectTimeout: stepDeadlineMs / 2,
    requestTimeout: stepDeadlineMs,
    timeout: stepDeadlineMs,
    retries: 0,
    tls: target.tls,
    tlsServerName: true,
  });
  admin.on('error', () => undefined);
  try {
    const creations = rules.map(({ principal, topic, operation }) => ({
      resourceType: ResourceTypes.TOPIC,
      resourceName: topic,
      resourcePatternType: ResourcePatternTypes.LITERAL,
      principal,
      host: '*',
      operation: AclOperations[operation],
      permissionType: AclPermissionTypes.ALLOW,
    }));
    // A rule that is there already is left as it is.
    const made = admin.createAcls({ creations });
    await withDeadline(made, 2 * stepDeadlineMs, () => new Error('kafka does not answer'));
  } catch (error) {
    throw kafkaRefusal(error) ?? error;
  } finally {
    void admin.close().catch(() => undefined);
  }
}
