/** The `replicator` section of the cluster file. */
import { z } from 'zod';

const bytes = z.int().min(1024);
const durationMs = z.int().min(1);

const fields = z.strictObject({
  /** A transaction that is larger travels in chunks of about this size. */
  chunkBytesMax: bytes.max(8 * 1024 * 1024).default(1024 * 1024),
  /** Records of one append to the own log, at most. */
  appendBytesMax: bytes.default(4 * 1024 * 1024),
  /** Records that wait for the own log; above it the source is no longer read. */
  logQueueBytesMax: bytes.default(32 * 1024 * 1024),
  /** Records kept in memory for the other regions; older ones are served from the own log. */
  feedBytesMax: bytes.default(32 * 1024 * 1024),
  /** What a source may send ahead of what was taken. */
  creditBytes: bytes.default(16 * 1024 * 1024),
  /** Records received and not yet applied, by the memory that they take. */
  applyQueueBytesMax: bytes.default(32 * 1024 * 1024),
  /** Transactions applied together, at most. */
  applyGroupTransactionsMax: z.int().min(1).default(10_000),
  applyGroupBytesMax: bytes.default(4 * 1024 * 1024),
  /** "Nothing happened up to here" is written this often while the database is quiet. */
  idleIntervalMs: durationMs.default(1000),
  sequenceIntervalMs: durationMs.default(1000),
  /** Captured commands that stay in meridian.ddl after every region has run them. */
  ddlRowsKept: z.int().min(0).default(2000),
  /** A region that follows compares roles and settings with the primary's this often. */
  driftIntervalMs: durationMs.default(2000),
  /** Both ends of a region link send at least this often; three missing end the connection. */
  heartbeatIntervalMs: durationMs.default(1000),
  /** What every region has is kept in the log for so long, or until so many bytes follow it. */
  logKeepMs: durationMs.default(6 * 60 * 60 * 1000),
  logKeepBytes: bytes.default(128 * 1024 * 1024),
  /**
   * More is not kept, although a region that is away still needs it: that region is seeded anew
   * when it comes back.
   */
  logBytesMax: bytes.default(8 * 1024 * 1024 * 1024),
  /** A region that is connected and takes nothing for so long counts as away. */
  logAwayAfterMs: durationMs.default(30 * 60 * 1000),
  retentionIntervalMs: durationMs.default(10_000),
});

export const replicatorConfigSchema = fields.refine(
  ({ logKeepBytes, logBytesMax }) => logKeepBytes <= logBytesMax,
  { path: ['logKeepBytes'], error: 'must not be above logBytesMax' },
);

export type ReplicatorConfig = z.infer<typeof replicatorConfigSchema>;
