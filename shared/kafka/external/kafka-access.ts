/**
 * How this process is let in by Kafka's brokers: by the cluster's own certificates, or as the
 * cluster file says of brokers that Meridian did not start. One for all of a process's life.
 */
import type { ConnectionOptions } from 'node:tls';
import type { ClusterBase } from '../../config/cluster-schema.ts';
import type { Secrets } from '../../config/secrets-schema.ts';
import { clientTls } from '../../runtime/link-security.ts';

/** Options of `@platformatic/kafka`; `sasl` is kafkajs's as well. */
export interface KafkaAccess {
  readonly tls?: ConnectionOptions;
  readonly tlsServerName?: true;
  readonly sasl?: {
    readonly mechanism: 'SCRAM-SHA-512' | 'SCRAM-SHA-256' | 'PLAIN';
    readonly username: string;
    readonly password: string;
  };
}

let external: KafkaAccess | null = null;

/** Before the first connection, where the cluster file names a Kafka of somebody else's. */
export function installExternalKafka(
  { kafka }: Pick<ClusterBase, 'kafka'>,
  secrets: Pick<Secrets, 'own'>,
): void {
  const chosen = kafka.external;
  if (chosen === undefined) {
    external = null;
    return;
  }
  const { user: username, mechanism, tls, authority: ca } = chosen;
  const password = secrets.own.external?.kafkaPassword ?? '';
  external = {
    ...(tls ? { tls: ca === undefined ? {} : { ca }, tlsServerName: true } : {}),
    ...(username === undefined ? {} : { sasl: { mechanism, username, password } }),
  };
}

/** Of brokers that Meridian did not start; null where it did. */
export function externalKafka(): KafkaAccess | null {
  return external;
}

/** Each broker must show the certificate of its own region, or the one of its host. */
export function kafkaAccess(): KafkaAccess {
  if (external !== null) return external;
  const tls = clientTls('kafka', null, 'broker');
  return tls === null ? {} : { tls, tlsServerName: true };
}
