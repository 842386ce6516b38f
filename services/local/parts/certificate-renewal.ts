/**
 * Takes new certificates from a changed secrets file while the region runs: the agent itself,
 * PostgreSQL's nodes and Redis, without ending a connection. Kafka's own links to other brokers
 * keep a certificate for as long as the broker runs, so its node takes the new one at its next
 * start. Passwords in a changed file wait for a restart.
 */
import { followSecrets } from '../../../shared/config/follow-secrets.ts';
import type { Secrets } from '../../../shared/config/secrets-schema.ts';
import { checkSecurity, linkIdentityOf } from '../../../shared/config/security.ts';
import { reloadRedisCertificates } from '../../../shared/redis/reload-certificates.ts';
import { installLinkIdentity } from '../../../shared/runtime/link-security.ts';
import type { RegionNodes } from '../postgres/region-nodes.ts';
import type { RegionContext } from '../region-context.ts';
import { tlsFiles, writeTlsFiles } from '../tls-files.ts';

/** Follows the region's secrets file until the returned function is called. */
export function followCertificates(
  context: RegionContext,
  nodes: RegionNodes,
  hasRedis: boolean,
): () => void {
  const { cluster, logger, paths, region } = context;
  if (cluster.security.mode === 'plain') return () => undefined;
  return followSecrets({
    path: paths.secretsFile,
    logger,
    onChange: async (changed) => {
      checkSecurity(cluster, changed);
      context.secrets = withCertificatesOf(context.secrets, changed);
      installLinkIdentity(linkIdentityOf(cluster, context.secrets));
      await writeTlsFiles(paths.tlsFolder, context.secrets);
      await nodes.renewCertificates();
      if (!hasRedis || region.redis.external !== undefined) return;
      const { certificate } = tlsFiles(paths.tlsFolder);
      const target = { host: region.bind, port: region.redis.port };
      const password = context.secrets.own.agentToken;
      await reloadRedisCertificates({ ...target, password }, certificate);
    },
  });
}

function withCertificatesOf(secrets: Secrets, changed: Secrets): Secrets {
  const { authority } = changed.shared;
  const { certificates } = changed.own;
  return {
    ...secrets,
    shared: { ...secrets.shared, authority },
    own: { ...secrets.own, certificates },
  };
}
