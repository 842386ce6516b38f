/** What a Redis that Meridian did not start must be like, judged from what it said. */
import { failed, ok, skipped, warning, type Finding } from './finding.ts';

export interface RedisFacts {
  readonly roundTripMs: number;
  /** Fields of INFO; null when the user may not ask. */
  readonly info: Readonly<Record<string, string>> | null;
  /** Commands of Meridian's that failed on a trial key, with the reason in Redis's words. */
  readonly refused: readonly { readonly command: string; readonly why: string }[];
}

export interface RedisPlaceName {
  /** `redis.example:6379`. */
  readonly place: string;
  readonly user: string;
  readonly keyPrefix: string;
}

/** GETEX. */
const versionMin = [6, 2] as const;
/** A request waits so long for Redis at most. */
const patienceMs = 50;

export function judgeRedis(name: RedisPlaceName, facts: RedisFacts): Finding[] {
  return [
    judgeReach(name, facts.roundTripMs),
    ...judgeInfo(facts.info),
    judgePrivileges(name, facts.refused),
  ];
}

function judgeReach({ place }: RedisPlaceName, roundTripMs: number): Finding {
  const found = `${place}, not started here, answers in ${roundTripMs.toFixed(1)} ms`;
  if (roundTripMs * 2 <= patienceMs) return ok('redis', found);
  const fix = `name one nearer to this region: a request waits ${String(patienceMs)} ms for it`;
  return warning('redis', found, fix);
}

function judgeInfo(info: RedisFacts['info']): Finding[] {
  if (info === null) return [skipped('redis settings', 'its user may not ask: INFO')];
  return [judgeVersion(info['redis_version'] ?? 'unknown'), judgeSettings(info)];
}

function judgeVersion(version: string): Finding {
  const [major = 0, minor = 0] = version.split('.').map(Number);
  const isEnough = major > versionMin[0] || (major === versionMin[0] && minor >= versionMin[1]);
  if (isEnough) return ok('redis version', version);
  return failed('redis version', version, `Redis ${versionMin.join('.')} or newer`);
}

function judgeSettings(info: Readonly<Record<string, string>>): Finding {
  const check = 'redis settings';
  const { redis_mode: mode, role, maxmemory, maxmemory_policy: policy } = info;
  if (mode === 'cluster') {
    return failed(check, 'it is a Redis cluster', 'name a single Redis: keys are not spread');
  }
  if (role === 'slave') return failed(check, 'it is a replica', 'name the one that takes writes');
  if (policy === 'noeviction' && Number(maxmemory) > 0) {
    const fix = 'CONFIG SET maxmemory-policy allkeys-lru: nothing in it is the only copy';
    return warning(check, 'when its memory is full it refuses writes', fix);
  }
  return ok(check, `${mode ?? 'standalone'}, evicts by ${policy ?? 'unknown'}`);
}

function judgePrivileges(
  { user, keyPrefix }: RedisPlaceName,
  refused: RedisFacts['refused'],
): Finding {
  const check = 'redis privileges';
  const [first] = refused;
  if (first === undefined) return ok(check, `${user} may do what Meridian does`);
  const names = refused.map(({ command }) => command).join(', ');
  const rules = '+ping +info +set +getex +hset +hmget +hgetall +hdel +pexpire +time +eval';
  const fix = `ACL SETUSER ${user} ~${keyPrefix}* ${rules}`;
  return failed(check, `${names} refused: ${first.why}`, fix);
}
