/** The `replicator` section of the cluster file. */
import { z } from 'zod';

export const replicatorConfigSchema = z.strictObject({});

export type ReplicatorConfig = z.infer<typeof replicatorConfigSchema>;
