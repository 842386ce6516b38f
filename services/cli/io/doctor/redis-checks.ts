/** Facts of the region's Redis: it answers; one that Meridian did not start is fit for its work. */
import { messageOf } from '../../../../shared/errors/meridian-error.ts';
import { connectRedis, type RedisClient } from '../../../../shared/redis/client.ts';
import { redisTargetOf, type RedisPlace } from '../../../../shared/redis/target.ts';
import { withDeadline } from '../../../../shared/runtime/sleep.ts';
import { failed, ok, type Finding } from '../../core/doctor/finding.ts';
import { judgeRedis, type RedisFacts } from '../../core/doctor/judge-redis.ts';

const answerMs = 3000;
const keptSeconds = 60;
const trialScript = `
redis.call('TIME')
redis.call('HSET', KEYS[1], 'a', '1')
redis.call('HMGET', KEYS[1], 'a', 'b')
redis.call('HGETALL', KEYS[1])
redis.call('HDEL', KEYS[1], 'b')
redis.call('PEXPIRE', KEYS[1], 60000)
return 1`;

export async function checkRedis(place: RedisPlace): Promise<Finding[]> {
  const target = redisTargetOf(place);
  const client = connectRedis(target);
  let why = 'no answer';
  client.on('error', (error) => (why = messageOf(error)));
  const ready = new Promise<void>((resolve) => client.once('ready', resolve));
  try {
    await withDeadline(ready, answerMs, () => new Error(why));
    await client.ping();
    if (target.external === undefined) return [ok('redis', 'answers')];
    const { keyPrefix, username: user = 'default' } = target.external;
    const name = { place: `${target.host}:${String(target.port)}`, user, keyPrefix };
    return judgeRedis(name, await readFacts(client));
  } catch (error) {
    return [failed('redis', `does not answer: ${messageOf(error)}`, fixFor(place))];
  } finally {
    client.disconnect();
  }
}

function fixFor({ region }: RedisPlace): string {
  const meanwhile = 'limits count per process meanwhile';
  if (region.redis.external === undefined) return `${meanwhile}; see its log, npx meridian logs`;
  const where = `regions.${region.id}.redis of the cluster file`;
  return `check ${where} and own.external.redisPassword; ${meanwhile}`;
}

async function readFacts(client: RedisClient): Promise<RedisFacts> {
  const startedMs = performance.now();
  await client.ping();
  const roundTripMs = performance.now() - startedMs;
  const info = await client.info().then(parseInfo, () => null);
  const key = 'trial';
  const commands: readonly (readonly [string, () => Promise<unknown>])[] = [
    ['SET', () => client.set(`${key}:text`, '1', 'EX', keptSeconds)],
    ['GETEX', () => client.getex(`${key}:text`, 'EX', keptSeconds)],
    ['EVAL', () => client.eval(trialScript, 1, key)],
    ['HDEL', () => client.hdel(key, 'a')],
  ];
  const refused: { command: string; why: string }[] = [];
  for (const [command, run] of commands) {
    await run().catch((error: unknown) => refused.push({ command, why: messageOf(error) }));
  }
  return { roundTripMs, info, refused };
}

function parseInfo(text: string): Record<string, string> {
  const lines = text.split('\r\n').filter((line) => line.includes(':'));
  return Object.fromEntries(
    lines.map((line) => [line.slice(0, line.indexOf(':')), line.slice(line.indexOf(':') + 1)]),
  );
}
