/** The `replicator` section of the cluster file. */
import { z } from 'zod';

const bytes = z.int().min(1024);
const durationMs = z.int().min(1);

export const replicatorConfigSchema = z.strictObject({
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
});

export type ReplicatorConfig = z.infer<typeof replicatorConfigSchema>;
