/**
 * Rate limits shared by a region's gateways: token buckets in Redis, taken in leases. While Redis
 * is away each process goes on from the last known level of a bucket by itself, so that the limit
 * then holds per process.
 */
import type { Logger } from '../../../shared/logging/logger.ts';
import type { Clock } from '../../../shared/ports/clock.ts';
import type { RedisClient } from '../../../shared/redis/client.ts';
import { withDeadline } from '../../../shared/runtime/sleep.ts';
import {
  granted,
  leaseSize,
  noLease,
  spend,
  takeFromBucket,
  type BucketState,
  type LeasePolicy,
  type LeaseState,
} from '../core/token-lease.ts';

/** Null: the request passes. Else the milliseconds after which it may be tried again. */
export type LimitAnswer = number | null;

export interface RateLimiter {
  /** Takes one token of the bucket `key`; at once while a lease lasts. */
  take(key: string, policy: LeasePolicy): LimitAnswer | Promise<LimitAnswer>;
  /** Whether the shared buckets could be reached last time. */
  readonly isShared: boolean;
}

interface Entry {
  lease: LeaseState;
  bucket: BucketState | null;
  asking: Promise<void> | null;
}

const entriesMax = 100_000;
const redisMsMax = 50;
/** After a failure Redis is left alone for this long. */
const awayMs = 1000;

/**
 * KEYS[1] bucket; ARGV: rate per second, burst, tokens wanted. Redis's own clock. Answers tokens
 * granted, milliseconds until one is there, and the level that is left.
 */
const script = `
local rate, burst, wanted = tonumber(ARGV[1]), tonumber(ARGV[2]), tonumber(ARGV[3])
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local bucket = redis.call('HMGET', KEYS[1], 't', 'a')
local tokens = tonumber(bucket[1]) or burst
local at = tonumber(bucket[2]) or now
tokens = math.min(burst, tokens + math.max(0, now - at) * rate / 1000)
local granted = math.min(wanted, math.floor(tokens))
tokens = tokens - granted
redis.call('HSET', KEYS[1], 't', tostring(tokens), 'a', tostring(now))
redis.call('PEXPIRE', KEYS[1], math.ceil(burst / rate * 1000) + 1000)
local wait = 0
if granted < 1 then wait = math.ceil((1 - tokens) / rate * 1000) end
return {granted, wait, tostring(tokens)}
`;

/** `redis` null: limits are this process's own. */
export function createRateLimiter(
  redis: RedisClient | null,
  clock: Clock,
  logger: Logger,
): RateLimiter {
  const entries = new Map<string, Entry>();
  let awayUntilMs = 0;
  let isShared = redis !== null;

  const ask = async (key: string, entry: Entry, policy: LeasePolicy): Promise<void> => {
    const startMs = clock.monotonicMs();
    if (redis !== null && startMs >= awayUntilMs) {
      try {
        const grant = await askRedis(redis, key, policy);
        if (!isShared) logger.info('rate limits are shared again');
        isShared = true;
        const nowMs = clock.monotonicMs();
        entry.lease = granted(grant, nowMs);
        entry.bucket = { tokens: grant.left, atMs: nowMs };
        return;
      } catch {
        if (isShared) logger.warn('redis is away, rate limits hold per process');
        isShared = false;
        awayUntilMs = clock.monotonicMs() + awayMs;
      }
    }
    const nowMs = clock.monotonicMs();
    const taken = takeFromBucket(entry.bucket, policy, nowMs);
    entry.bucket = taken.state;
    entry.lease = granted(taken, nowMs);
  };

  const takeOrWait = async (
    entry: Entry,
    policy: LeasePolicy,
    key: string,
  ): Promise<LimitAnswer> => {
    for (;;) {
      const verdict = spend(entry.lease, clock.monotonicMs());
      if (verdict.kind === 'refuse') return verdict.retryAfterMs;
      if (verdict.kind === 'pass') {
        entry.lease = verdict.state;
        return null;
      }
      entry.asking ??= ask(key, entry, policy).finally(() => {
        entry.asking = null;
      });
      await entry.asking;
    }
  };

  return {
    get isShared() {
      return isShared;
    },
    take(key, policy) {
      const entry = entryOf(entries, key);
      const verdict = spend(entry.lease, clock.monotonicMs());
      if (verdict.kind === 'refuse') return verdict.retryAfterMs;
      if (verdict.kind === 'ask') return takeOrWait(entry, policy, key);
      entry.lease = verdict.state;
      return null;
    },
  };
}

async function askRedis(
  redis: RedisClient,
  key: string,
  policy: LeasePolicy,
): Promise<{ tokens: number; waitMs: number; left: number }> {
  const name = `meridian:limit:${key}`;
  const { perSecond, burst } = policy;
  const reply = (await withDeadline(
    redis.eval(script, 1, name, perSecond, burst, leaseSize(policy)),
    redisMsMax,
    () => new Error('redis is late'),
  )) as [number, number, string];
  return { tokens: reply[0], waitMs: reply[1], left: Number(reply[2]) };
}

function entryOf(entries: Map<string, Entry>, key: string): Entry {
  let entry = entries.get(key);
  if (entry === undefined) {
    entry = { lease: noLease, bucket: null, asking: null };
    if (entries.size >= entriesMax) {
      // The older half goes; whoever comes back takes a new lease of the same bucket.
      for (const oldest of entries.keys()) {
        entries.delete(oldest);
        if (entries.size <= entriesMax / 2) break;
      }
    }
    entries.set(key, entry);
  }
  return entry;
}
