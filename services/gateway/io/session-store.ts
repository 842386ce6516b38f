/** Session context in the region's Redis: small JSON per session, gone after its time to live. */
import type { Clock } from '../../../shared/ports/clock.ts';
import type { RedisClient } from '../../../shared/redis/client.ts';
import { withDeadline } from '../../../shared/runtime/sleep.ts';

export type SessionContext = Readonly<Record<string, unknown>>;

export interface SessionStore {
  /** The context and a new lease of life; null when there is none or Redis is away. */
  load(id: string, ttlSeconds: number): Promise<SessionContext | null>;
  /** Stores what an upstream wants kept. False: Redis is away, nothing was kept. */
  save(id: string, context: SessionContext, ttlSeconds: number): Promise<boolean>;
}

const redisMsMax = 50;
const awayMs = 1000;

/** `redis` null: no context is kept, requests go on without. */
export function createSessionStore(redis: RedisClient | null, clock: Clock): SessionStore {
  let awayUntilMs = 0;
  const run = async <T>(work: (client: RedisClient) => Promise<T>): Promise<T | null> => {
    if (redis === null || clock.monotonicMs() < awayUntilMs) return null;
    try {
      return await withDeadline(work(redis), redisMsMax, () => new Error('redis is late'));
    } catch {
      awayUntilMs = clock.monotonicMs() + awayMs;
      return null;
    }
  };
  return {
    async load(id, ttlSeconds) {
      const text = await run((client) => client.getex(keyOf(id), 'EX', ttlSeconds));
      return text === null ? null : parse(text);
    },
    async save(id, context, ttlSeconds) {
      const text = JSON.stringify(context);
      return (await run((client) => client.set(keyOf(id), text, 'EX', ttlSeconds))) !== null;
    },
  };
}

function keyOf(id: string): string {
  return `meridian:session:${id}`;
}

function parse(text: string): SessionContext | null {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === 'object' && value !== null ? (value as SessionContext) : null;
  } catch {
    return null;
  }
}
