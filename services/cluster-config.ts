/** Joins the services' config sections into the schema of the cluster file. */
import type { z } from 'zod';
import { clusterSchema, noDirectoryId, type KafkaPlace } from '../shared/config/cluster-schema.ts';
import { failoverConfigSchema } from './failover/config.ts';
import { gatewayConfigSchema } from './gateway/config.ts';
import { replicatorConfigSchema } from './replicator/config.ts';
import { routerConfigSchema } from './router/config.ts';

export const clusterConfigSchema = clusterSchema
  .extend({
    gateway: gatewayConfigSchema.prefault({}),
    router: routerConfigSchema.prefault({}),
    replicator: replicatorConfigSchema.prefault({}),
    failover: failoverConfigSchema.prefault({}),
  })
  .superRefine(({ kafka, regions, witnesses }, context) => {
    for (const [name, places] of Object.entries({ regions, witnesses })) {
      for (const [index, place] of places.entries()) {
        const message = whyKafkaUnfit(kafka.external !== undefined, place.kafka);
        const path = [name, index, 'kafka'];
        if (message !== null) context.addIssue({ code: 'custom', path, message });
      }
    }
  });

function whyKafkaUnfit(isExternal: boolean, { directoryId, host }: KafkaPlace['kafka']) {
  if (isExternal) return null;
  if (directoryId === noDirectoryId) return 'directoryId is missing';
  return host === undefined ? null : 'host is for the brokers of kafka.external';
}

export type ClusterConfig = z.infer<typeof clusterConfigSchema>;
