/** The `failover` section of the cluster file: bounds of changes of primary. */
import { z } from 'zod';
import { regionIdSchema } from '../../shared/config/cluster-schema.ts';
import { defaultBounds } from './core/controller-config.ts';

const durationMs = z.int().min(1);

export const failoverConfigSchema = z.strictObject({
  /** Bound on running transactions in a switchover; then their sessions are ended. */
  drainMs: durationMs.default(defaultBounds.drainMs),
  /** Bound of a whole switchover; then it is abandoned and writes go on at the old primary. */
  switchoverMs: durationMs.default(defaultBounds.switchoverMs),
  /** No automatic failover so soon after the one before it. */
  failoverBackoffMs: durationMs.default(defaultBounds.failoverBackoffMs),
  /** The region that takes the role back by itself, by a switchover; without it none does. */
  preferredPrimary: regionIdSchema.nullable().default(defaultBounds.preferredPrimary),
  /** It does so no sooner after a change of primary. */
  preferredQuietMs: durationMs.default(defaultBounds.preferredQuietMs),
  /** A switchover's target may lag this much at most. */
  switchoverLagMs: durationMs.default(defaultBounds.switchoverLagMs),
  /** How often the folded control log is stored in the region's own PostgreSQL. */
  checkpointIntervalMs: durationMs.default(defaultBounds.checkpointIntervalMs),
  /** Records of the control log stay for so long; older ones go once nobody needs them. */
  controlKeepMs: durationMs.min(1000).default(7 * 24 * 60 * 60 * 1000),
});

export type FailoverConfig = z.infer<typeof failoverConfigSchema>;
