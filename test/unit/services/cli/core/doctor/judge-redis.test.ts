import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  judgeRedis,
  type RedisFacts,
} from '../../../../../../services/cli/core/doctor/judge-redis.ts';

const name = { place: 'redis.example:6379', user: 'meridian', keyPrefix: 'meridian:c:eu-west:' };
const info = {
  redis_version: '7.2.4',
  redis_mode: 'standalone',
  role: 'master',
  maxmemory: '0',
  maxmemory_policy: 'noeviction',
};
const sound: RedisFacts = { roundTripMs: 0.4, info, refused: [] };

const rows: readonly (readonly [string, Partial<RedisFacts>, readonly string[], RegExp])[] = [
  ['a sound one', {}, [], /redis.example:6379, not started here, answers in 0.4 ms/],
  ['a far one', { roundTripMs: 30 }, ['warning redis'], /nearer to this region/],
  [
    'an old one',
    { info: { ...info, redis_version: '6.0.16' } },
    ['failed redis version'],
    /6\.2 or/,
  ],
  ['a newer one', { info: { ...info, redis_version: '8.0.1' } }, [], /8\.0\.1/],
  ['a cluster', { info: { ...info, redis_mode: 'cluster' } }, ['failed redis settings'], /single/],
  ['a replica', { info: { ...info, role: 'slave' } }, ['failed redis settings'], /takes writes/],
  [
    'one that will be full',
    { info: { ...info, maxmemory: '1000000' } },
    ['warning redis settings'],
    /maxmemory-policy allkeys-lru/,
  ],
  ['one that may not be asked', { info: null }, ['skipped redis settings'], /INFO/],
  [
    'one that refuses scripts',
    { refused: [{ command: 'EVAL', why: 'NOPERM no permissions' }] },
    ['failed redis privileges'],
    /EVAL refused: NOPERM.*ACL SETUSER meridian ~meridian:c:eu-west:\*/,
  ],
];

for (const [title, changed, bad, said] of rows) {
  test(title, () => {
    const findings = judgeRedis(name, { ...sound, ...changed });
    const wrong = findings.filter(({ level }) => level !== 'ok');
    assert.deepEqual(
      wrong.map(({ level, check }) => `${level} ${check}`),
      bad,
    );
    const lines = findings.map(({ found, fix }) => `${found} ${fix ?? ''}`);
    assert.match(lines.join('\n'), said);
  });
}
