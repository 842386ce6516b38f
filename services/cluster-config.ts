/** Joins the services' config sections into the schema of the cluster file. */
import type { z } from 'zod';
import { clusterSchema } from '../shared/config/cluster-schema.ts';
import { failoverConfigSchema } from './failover/config.ts';
import { gatewayConfigSchema } from './gateway/config.ts';
import { replicatorConfigSchema } from './replicator/config.ts';
import { routerConfigSchema } from './router/config.ts';

export const clusterConfigSchema = clusterSchema.extend({
  gateway: gatewayConfigSchema.prefault({}),
  router: routerConfigSchema.prefault({}),
  replicator: replicatorConfigSchema.prefault({}),
  failover: failoverConfigSchema.prefault({}),
});

export type ClusterConfig = z.infer<typeof clusterConfigSchema>;
