/** What an agent says about its region's processes, in `GET /agent/state`. */
import { z } from 'zod';

export const processStateSchema = z.object({
  name: z.string(),
  phase: z.enum(['stopped', 'starting', 'running', 'failed']),
  pid: z.int().nullable(),
  version: z.string().nullable().default(null),
  restarts: z.int(),
  problem: z.string().nullable(),
  waitsFor: z.string().nullable(),
  logFile: z.string(),
});

const nodeSchema = z.object({
  id: z.string(),
  data: z.enum(['none', 'half-made', 'ready']),
  process: z.enum(['stopped', 'starting', 'running', 'failed']),
  mode: z.enum(['normal', 'isolated', 'standby']).nullable(),
  operation: z.string().nullable(),
  problem: z.string().nullable(),
  progress: z.object({ doneBytes: z.number(), totalBytes: z.number().nullable() }).nullable(),
  adoption: z
    .object({
      phase: z.enum(['copying', 'following', 'taking-over']),
      behindBytes: z.number().nullable(),
    })
    .nullable()
    .default(null),
  takenOver: z
    .object({
      askedAtMs: z.number(),
      closedAtMs: z.number(),
      promotedAtMs: z.number(),
      wholeAtMs: z.number(),
    })
    .nullable()
    .default(null),
});

export const agentStateSchema = z.object({
  region: z.string(),
  agentPid: z.int(),
  /** Whether the Meridian process said that it can serve. */
  isReady: z.boolean(),
  processes: z.array(processStateSchema),
  nodes: z.array(nodeSchema),
});

export type AgentState = z.infer<typeof agentStateSchema>;
