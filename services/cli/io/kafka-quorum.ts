/** Kafka's quorum as the broker of the own region sees it, with that broker's own certificate. */
import type { RegionConfig } from '../../../shared/config/cluster-schema.ts';
import type { Secrets } from '../../../shared/config/secrets-schema.ts';
import type { QuorumTarget } from '../../../shared/kafka/quorum.ts';
import { clientTls } from '../../../shared/runtime/link-security.ts';

export interface QuorumPlace {
  readonly region: RegionConfig;
  readonly secrets: Secrets;
}

/** Where to ask, and as whom. */
export function quorumTarget({ region, secrets }: QuorumPlace, clientId: string): QuorumTarget {
  const link = clientTls('kafka', null, 'broker');
  const own = secrets.own.certificates?.broker;
  const tls =
    link === null || own === undefined ? null : { ...link, cert: own.certificate, key: own.key };
  return { host: region.host, port: region.kafka.clientPort, clientId, tls };
}
