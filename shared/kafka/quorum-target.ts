/** Kafka's quorum as the broker of the own region sees it, with that broker's own certificate. */
import type { RegionConfig } from '../config/cluster-schema.ts';
import type { Secrets } from '../config/secrets-schema.ts';
import { brokerTls } from './broker-tls.ts';
import type { QuorumTarget } from './quorum.ts';

export interface QuorumPlace {
  readonly region: RegionConfig;
  readonly secrets: Secrets;
}

/** Where to ask, and as whom. */
export function quorumTarget({ region, secrets }: QuorumPlace, clientId: string): QuorumTarget {
  const { host, kafka } = region;
  const broker = { host: kafka.host ?? host, port: kafka.clientPort };
  return { ...broker, clientId, tls: brokerTls(secrets) };
}
