/** What the CLI reads from the admin API; fields it does not know pass unread. */
import { z } from 'zod';
import { roles } from '../../../shared/core/cluster-view.ts';

const position = z.string().nullable();

const nodeSchema = z.object({
  id: z.string(),
  kind: z.enum(['node', 'standby']),
  role: z.enum(['primary', 'replica', 'standby', 'down']),
  position,
  healthy: z.boolean(),
  version: z.exactOptional(z.string()),
});

const regionSchema = z.object({
  id: z.string(),
  name: z.string(),
  role: z.enum(roles),
  why: z.string(),
  drift: z.array(z.string()).default([]),
  warnings: z.array(z.string()).default([]),
  epoch: z.number(),
  position,
  lagMs: z.number().nullable(),
  health: z.enum(['healthy', 'degraded', 'unreachable', 'starting']),
  nodes: z.array(nodeSchema),
  /** Of the program that runs there; older ones do not say. */
  version: z.exactOptional(z.string()),
  broker: z.exactOptional(
    z.object({ version: z.string().nullable(), outOfSync: z.array(z.string()) }),
  ),
  isAccepting: z.boolean().default(true),
  ageMs: z.number().default(0),
  gatewayUrl: z.string().optional(),
  adminUrl: z.string().optional(),
});

/** `GET /admin/regions`. */
export const regionsSchema = z.object({
  cluster: z.string(),
  /** Of the program that answers. */
  version: z.string().nullable().default(null),
  epoch: z.number(),
  primary: z.string().nullable(),
  members: z.array(z.string()),
  k: z.number().default(1),
  policyK: z.number().default(1),
  rules: z
    .object({ inForce: z.number(), known: z.record(z.string(), z.number()) })
    .nullable()
    .default(null),
  change: z
    .object({
      epoch: z.number(),
      kind: z.string(),
      waitsFor: z.string().nullable().default(null),
      seals: z
        .array(z.object({ region: z.string(), position: z.string(), final: z.boolean() }))
        .default([]),
    })
    .nullable()
    .default(null),
  lastChange: z
    .object({
      epoch: z.number(),
      change: z.string(),
      isForced: z.boolean().default(false),
      from: z.string().nullable(),
      to: z.string(),
      atMs: z.number().nullable().default(null),
      pauseMs: z.number().nullable().default(null),
      rowsLost: z.number().nullable().default(null),
      why: z.string(),
    })
    .nullable()
    .default(null),
  leaseRemainingMs: z.number().nullable().default(null),
  controlLog: z.string().nullable().default(null),
  items: z.array(regionSchema),
});

export type ReportedItem = z.infer<typeof regionSchema>;

/** `GET /health/ready`. */
export const readinessSchema = z.object({
  checks: z.array(z.object({ name: z.string(), ok: z.boolean(), detail: z.string() })),
});

const stepSchema = z.object({
  name: z.string(),
  /** Milliseconds since the first step. */
  atMs: z.number(),
  detail: z.string().default(''),
});
export type OperationStep = z.infer<typeof stepSchema>;

/** `GET /admin/operations/:id`, and the reply to what begins one. */
export const operationSchema = z.object({
  id: z.string(),
  phase: z.string(),
  percent: z.number().default(0),
  steps: z.array(stepSchema).default([]),
  /** Facts, when it has ended; `outcome` in words. */
  result: z.record(z.string(), z.unknown()).nullable().default(null),
});
export type Operation = z.infer<typeof operationSchema>;

/** What the operation says of its end, in words. */
export function outcomeOf(operation: Operation): string {
  const outcome = operation.result?.['outcome'] ?? operation.result?.['why'];
  return typeof outcome === 'string' ? outcome : operation.phase;
}
