/** The `gateway` section of the cluster file. */
import { z } from 'zod';

export const gatewayConfigSchema = z.strictObject({});

export type GatewayConfig = z.infer<typeof gatewayConfigSchema>;
