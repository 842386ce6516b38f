// test: deadline 400 s
/**
 * Logs with small limits: trimmed while all regions are there; beyond the limit although a region
 * is away, which is then named in `status` and seeded anew by itself; restarts and a switchover on
 * logs that begin later.
 */
import assert from 'node:assert/strict';
import { spawnSync, type SpawnSyncReturns } from 'node:child_process';
import { resolve } from 'node:path';
import { after, before, test } from 'node:test';
import { pino } from 'pino';
import { createDataLog } from '../../../shared/kafka/data-log.ts';
import { controlTopicOf, dataTopicOf } from '../../../shared/kafka/topic.ts';
import { installHostResolver } from '../../../shared/runtime/host-resolver.ts';
import { systemClock } from '../../../shared/runtime/system-clock.ts';
import { TestCluster } from '../../helpers/cluster.ts';
import { asRegion } from '../../helpers/cluster/as-region.ts';
import { eventually } from '../../helpers/eventually.ts';

const long = { deadlineMs: 60_000, intervalMs: 200 };
const megabyte = 1024 * 1024;
let cluster: TestCluster;
let [first, second, third] = ['', '', ''];

interface Region {
  readonly id: string;
  readonly role: string;
  readonly health: string;
  readonly position: string | null;
  readonly warnings?: readonly string[];
}

before(async () => {
  cluster = await TestCluster.start({
    sections: {
      policy: { priority: ['eu-west', 'us-east', 'ap-south'], memberTimeoutMs: 3000 },
      replicator: {
        ...{ logKeepMs: 2000, logKeepBytes: 256 * 1024, logBytesMax: megabyte },
        retentionIntervalMs: 500,
        // What is in memory needs no log.
        feedBytesMax: 64 * 1024,
      },
      failover: { controlKeepMs: 3000, checkpointIntervalMs: 500 },
    },
  });
  [first = '', second = '', third = ''] = cluster.regionIds;
  installHostResolver(cluster.config.hosts);
  const sql = 'CREATE TABLE note (id serial PRIMARY KEY, body text)';
  assert.equal((await cluster.query(first, sql)).status, 200);
  await eventually(async () => (await members()).length === 2, long);
});

after(() => cluster?.remove());

async function document(region = first): Promise<Record<string, unknown>> {
  return cluster.admin(region, '/admin/regions');
}

async function members(region = first): Promise<readonly string[]> {
  return (await document(region))['members'] as readonly string[];
}

async function shown(id: string, by = first): Promise<Region> {
  const { items } = await document(by);
  const found = (items as Region[]).find((one) => one.id === id);
  assert.ok(found !== undefined);
  return found;
}

function cli(...args: string[]): SpawnSyncReturns<string> {
  const entry = resolve(import.meta.dirname, '../../../services/cli/main.ts');
  const all = [entry, '--data', cluster.stateFolder, ...args];
  return spawnSync(process.execPath, all, { encoding: 'utf8', timeout: 120_000 });
}

/** Text that no compression makes small. */
async function write(megabytes: number, to = first): Promise<void> {
  const sql = `INSERT INTO note (body)
    SELECT string_agg(encode(uuid_send(gen_random_uuid()), 'base64'), '')
    FROM generate_series(1, 100) g, generate_series(1, 400) n GROUP BY n`;
  for (let written = 0; written < megabytes; written += 1) {
    const { status, body } = await cluster.query(to, sql);
    assert.equal(status, 200, JSON.stringify(body));
  }
}

/** Where the log of `region` begins. */
async function logStart(region: string): Promise<bigint> {
  const { id } = cluster.region(region);
  return (await boundsOf(dataTopicOf(cluster.config.cell, id), region)).start;
}

function controlBounds(): ReturnType<typeof boundsOf> {
  return boundsOf(controlTopicOf(cluster.config.cell), first);
}

async function boundsOf(
  topic: string,
  region: string,
): Promise<{ readonly start: bigint; readonly end: bigint }> {
  const { bind, kafka } = cluster.region(region);
  const log = createDataLog({
    brokers: [`${bind}:${kafka.clientPort}`],
    clientId: 'test',
    topic,
    logger: pino({ level: 'silent' }),
    clock: systemClock,
  });
  return asRegion(cluster, region, () => log.bounds()).finally(() => log.close());
}

async function isTrimmedBeyond(region: string, offset: bigint): Promise<boolean> {
  return (await logStart(region)) > offset;
}

function assertEqual(): void {
  const { status, stdout, stderr } = cli('verify');
  assert.equal(status, 0, `${stdout}${stderr}`);
}

test('every region trims its log while all of them, and their standbys, follow', async () => {
  await write(2);
  for (const region of cluster.regionIds) {
    await eventually(() => isTrimmedBeyond(region, 0n), long);
  }
  assert.deepEqual((await shown(third)).warnings ?? [], []);
});

test('beyond the limit the log goes on without a region that is away, and says so', async () => {
  await cluster.killRegion(third);
  const { end: knownToThird } = await controlBounds();
  await eventually(async () => !(await members()).includes(third), long);
  const before = new Map<string, bigint>();
  for (const region of [first, second]) before.set(region, await logStart(region));
  await write(4);
  for (const region of [first, second]) {
    await eventually(() => isTrimmedBeyond(region, before.get(region) ?? 0n), long);
    const isTold = async (): Promise<boolean> =>
      (await shown(region, region)).warnings?.some((one) => one.startsWith(`${third} has been`)) ===
      true;
    await eventually(isTold, long);
  }
  const told = /eu-west: ap-south has been away for too long: it is seeded anew when it is back/;
  assert.match(cli('status').stdout, told);
  const { regions } = JSON.parse(cli('status', '--json').stdout) as { regions: Region[] };
  assert.match(regions[0]?.warnings?.join() ?? '', /ap-south has been away/);
  // What its own checkpoint is followed by is gone: it needs one of another region.
  await eventually(async () => (await controlBounds()).start > knownToThird, long);
});

test('it is seeded anew by itself when it is back, and says why', async () => {
  const up = cluster.up();
  const isSaying = async (): Promise<boolean> =>
    (await shown(third, third).catch(() => null))?.warnings?.some((one) =>
      /^it is seeded anew: the log of eu-west begins at 1:/.test(one),
    ) === true;
  await eventually(isSaying, { deadlineMs: 120_000, intervalMs: 20 });
  await up;
  const isBack = async (): Promise<boolean> => {
    const { role, health, warnings = [] } = await shown(third, third);
    return role === 'replica' && health === 'healthy' && warnings.length === 0;
  };
  await eventually(isBack, { ...long, deadlineMs: 120_000 });
  await eventually(async () => (await members()).includes(third), { ...long, deadlineMs: 120_000 });
  await write(1);
  assertEqual();
  for (const region of cluster.regionIds) {
    const isQuiet = async (): Promise<boolean> =>
      ((await shown(region)).warnings ?? []).length === 0;
    await eventually(isQuiet, long);
  }
});

test('a process that starts on a log that begins later goes on as it was', async () => {
  const { epoch } = await document();
  for (const region of [first, third]) {
    await cluster.signal(region, 'meridian', 'SIGKILL');
    // It is asked itself: others still tell for a while what it said before.
    const isWell = async (): Promise<boolean> => {
      const own = await shown(region, region).catch(() => null);
      return own?.health === 'healthy' && own.role === (region === first ? 'primary' : 'replica');
    };
    await eventually(isWell, { ...long, deadlineMs: 90_000 });
    await eventually(async () => (await members(second)).length === 2, long);
  }
  assert.equal((await document())['epoch'], epoch, 'nobody else became primary');
  await write(1);
  assertEqual();
});

test('another region becomes primary, and all go on trimming', async () => {
  const { status, stdout } = cli('switchover', second, '--yes');
  assert.equal(status, 0, stdout);
  await eventually(async () => (await members(second)).length === 2, long);
  const before = await Promise.all(cluster.regionIds.map(logStart));
  await write(2, second);
  for (const [index, region] of cluster.regionIds.entries()) {
    await eventually(() => isTrimmedBeyond(region, before[index] ?? 0n), long);
  }
  const { end } = await controlBounds();
  await eventually(async () => (await controlBounds()).start > end, long);
  assertEqual();
});
