/** The `failover` section of the cluster file. */
import { z } from 'zod';

export const failoverConfigSchema = z.strictObject({});

export type FailoverConfig = z.infer<typeof failoverConfigSchema>;
