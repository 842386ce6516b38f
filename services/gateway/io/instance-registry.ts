/**
 * Upstream instances that register themselves in the region's Redis: a hash per group, one field
 * per instance, each with the end of its lease. Whoever does not renew is gone.
 */
import type { RedisClient } from '../../../shared/redis/client.ts';
import { withDeadline } from '../../../shared/runtime/sleep.ts';
import type { Registered } from '../core/registered-instances.ts';
import type { AddressList } from './address-list.ts';
import type { InstanceTarget } from './upstream-instance.ts';

export interface Registration {
  readonly url: string;
  readonly weight: number;
  readonly zone: string | null;
  readonly capabilities: readonly string[];
  readonly status: 'up' | 'draining' | 'down';
  readonly ttlMs: number;
}

export interface InstanceRegistry {
  /** Registers or renews `id` for `ttlMs`; throws when Redis is away. */
  register(group: string, id: string, registration: Registration): Promise<void>;
  remove(group: string, id: string): Promise<void>;
  /** Instances whose lease lasts, with no target outside `networks`. Throws with Redis away. */
  instances(group: string, networks: AddressList): Promise<readonly RegisteredInstance[]>;
}

export type RegisteredInstance = Registered<InstanceTarget>;

const redisMsMax = 500;
/** For so long one that was removed is named as one that is not to be used: every gateway asks. */
const removedMs = 60_000;

/** Redis's clock decides about leases: KEYS[1] group; ARGV: id, JSON, ttl. */
const registerScript = `
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
redis.call('HSET', KEYS[1], ARGV[1], (now + tonumber(ARGV[3])) .. ' ' .. ARGV[2])
redis.call('PEXPIRE', KEYS[1], 86400000)
return 1
`;

/** Live fields; dead ones are removed on the way. */
const listScript = `
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local all = redis.call('HGETALL', KEYS[1])
local live = {}
for i = 1, #all, 2 do
  local space = string.find(all[i + 1], ' ', 1, true)
  local until_ = space and tonumber(string.sub(all[i + 1], 1, space - 1))
  if until_ and until_ > now then
    live[#live + 1] = {all[i], until_ - now, string.sub(all[i + 1], space + 1)}
  else
    redis.call('HDEL', KEYS[1], all[i])
  end
end
return live
`;

/** The registry of the region that `redis` belongs to. */
export function createInstanceRegistry(redis: RedisClient): InstanceRegistry {
  const late = (): Error => new Error('redis is late');
  const put = async (group: string, ...row: readonly [string, object, number]): Promise<void> => {
    const [id, facts, ttlMs] = row;
    const made = redis.eval(registerScript, 1, keyOf(group), id, JSON.stringify(facts), ttlMs);
    await withDeadline(made, redisMsMax, late);
  };
  return {
    async register(group, id, { ttlMs, ...facts }) {
      await put(group, id, facts, ttlMs);
    },
    async remove(group, id) {
      await put(group, id, { status: 'down' }, removedMs);
    },
    async instances(group, networks) {
      const list = redis.eval(listScript, 1, keyOf(group)) as Promise<[string, number, string][]>;
      const rows = await withDeadline(list, redisMsMax, late);
      return rows.map(([id, leaseMs, text]) => {
        const target = parseRow(text);
        const isUsable = target !== null && isInside(target.url, networks);
        return { id, leaseMs, target: isUsable ? target : null };
      });
    },
  };
}

/** Whether an origin is an address (never a name) inside the networks that may be reached. */
export function isInside(url: string, networks: AddressList): boolean {
  const match = /^https?:\/\/(\[[0-9a-f:]+\]|\d{1,3}(?:\.\d{1,3}){3}):\d{1,5}$/.exec(url);
  return match?.[1] !== undefined && networks.has(match[1].replaceAll(/[[\]]/g, ''));
}

function parseRow(text: string): InstanceTarget | null {
  try {
    const row = JSON.parse(text) as Partial<Registration>;
    if (typeof row.url !== 'string' || row.status === 'down') return null;
    const weight = typeof row.weight === 'number' && row.weight >= 0 ? row.weight : 1;
    const zone = typeof row.zone === 'string' ? row.zone : null;
    const capabilities = Array.isArray(row.capabilities) ? row.capabilities.map(String) : [];
    const isDraining = row.status === 'draining';
    return { url: row.url, weight, zone, capabilities, isDraining, host: null };
  } catch {
    return null;
  }
}

function keyOf(group: string): string {
  return `meridian:registry:${group}`;
}
