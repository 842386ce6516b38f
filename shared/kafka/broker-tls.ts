/** What a region's agent and a person's commands show to Kafka: the broker's own certificate. */
import type { Secrets } from '../config/secrets-schema.ts';
import { clientTls, type LinkTls } from '../runtime/link-security.ts';

/** TLS options with which everything is allowed; null in mode plain. */
export function brokerTls(secrets: Pick<Secrets, 'own'>): LinkTls | null {
  const link = clientTls('kafka', null, 'broker');
  const own = secrets.own.certificates?.broker;
  if (link === null || own === undefined) return null;
  return { ...link, cert: own.certificate, key: own.key };
}
