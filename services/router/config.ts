/** The `router` section of the cluster file. */
import { z } from 'zod';

export const routerConfigSchema = z.strictObject({});

export type RouterConfig = z.infer<typeof routerConfigSchema>;
