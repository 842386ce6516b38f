// test: deadline 150 s
/** A whole region through its agent: kills of children and of the agent, down, start again. */
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { readdirSync, readFileSync, readlinkSync, statSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { after, before, test } from 'node:test';
import { createAgentClient, type AgentClient } from '../../../services/local/agent-client.ts';
import { agentPidFile } from '../../../services/local/leftovers.ts';
import {
  startLocalCluster,
  stopLocalCluster,
  type LocalClusterOptions,
} from '../../../services/local/local-cluster.ts';
import { localRegionPaths } from '../../../services/local/region-paths.ts';
import { loadSecrets } from '../../../shared/config/load.ts';
import { eventually } from '../../helpers/eventually.ts';
import { makeLocalFiles, type LocalFiles } from '../../helpers/local-region.ts';

const longWait = { deadlineMs: 60_000 };
const entry = resolve(import.meta.dirname, '../../../services/cli/main.ts');
let files: LocalFiles;
let options: LocalClusterOptions;
let agent: AgentClient;

before(async () => {
  files = await makeLocalFiles(['west']);
  const { stateFolder, cluster } = files;
  options = {
    stateFolder,
    cluster,
    onStep: () => undefined,
    regionCommand: (id) => [process.execPath, entry, '--data', stateFolder, 'region', 'up', id],
  };
  const region = cluster.regions[0];
  assert.ok(region !== undefined);
  const secrets = loadSecrets(localRegionPaths(stateFolder, 'west').secretsFile);
  agent = createAgentClient(region, secrets.own.agentToken);
  const running = await startLocalCluster(options);
  await running.ready;
});

after(async () => {
  await stopLocalCluster(options);
  await agent.close();
  files.remove();
});

/** Processes of this cluster: its folder is in their command, or they work in it. */
function processesLeft(): string[] {
  return readdirSync('/proc')
    .filter((entry) => /^\d+$/.test(entry) && Number(entry) !== process.pid)
    .flatMap((pid) => {
      try {
        const command = readFileSync(`/proc/${pid}/cmdline`, 'utf8').replaceAll('\0', ' ');
        const place = `${command} ${readlinkSync(`/proc/${pid}/cwd`)}`;
        return place.includes(files.stateFolder) ? [command] : [];
      } catch {
        return [];
      }
    });
}

async function pidOf(name: string): Promise<number | null> {
  const state = await agent.state();
  const found = state?.processes.find((each) => each.name === name);
  return found?.phase === 'running' ? found.pid : null;
}

const children = ['kafka', 'redis', 'meridian', 'pg-1', 'pg-2'];

test('every process runs, with a log file of its own; secrets stay with their owner', async () => {
  const state = await agent.state();
  assert.deepEqual(
    state?.processes.filter(({ phase }) => phase !== 'running').map(({ name }) => name),
    [],
  );
  const logFiles = state?.processes.map(({ logFile }) => logFile) ?? [];
  assert.equal(new Set(logFiles).size, logFiles.length);
  const folder = join(files.stateFolder, 'regions/west');
  const readable = ['secrets.yaml', 'redis/redis.conf'].filter(
    (file) => (statSync(join(folder, file)).mode & 0o077) !== 0,
  );
  assert.deepEqual(readable, []);
});

test('a second agent of the same region is refused, and harms nothing', async () => {
  const [program, ...args] = options.regionCommand(files.cluster.regions[0]?.id ?? fail(), null);
  const second = spawn(program, args, { stdio: ['ignore', 'pipe', 'pipe'] });
  let said = '';
  second.stderr.on('data', (chunk: Buffer) => (said += chunk.toString()));
  const code = await new Promise((resolve) => second.once('exit', resolve));
  assert.equal(code, 1);
  assert.match(said, /west is running already: process \d+/);
  assert.ok((await pidOf('kafka')) !== null);
});

test('each child killed with SIGKILL comes back', async () => {
  const before = new Map<string, number>();
  for (const name of children) {
    const pid = await pidOf(name);
    assert.ok(pid !== null, name);
    before.set(name, pid);
    process.kill(pid, 'SIGKILL');
  }
  for (const name of children) {
    await eventually(async () => {
      const pid = await pidOf(name);
      return pid !== null && pid !== before.get(name);
    }, longWait);
  }
  const state = await agent.state();
  const restarts = state?.processes.filter(({ name }) => children.includes(name));
  assert.ok(restarts?.every((each) => each.restarts >= 1));
});

test('an agent killed takes its children along; its stale pid file is no obstacle', async () => {
  const pidFile = agentPidFile(localRegionPaths(files.stateFolder, 'west'));
  const { agentPid } = (await agent.state()) ?? fail();
  process.kill(agentPid, 'SIGKILL');
  await eventually(() => processesLeft().length === 0, longWait);
  // Somebody else has the number by now.
  writeFileSync(pidFile, JSON.stringify({ pid: process.pid, startTicks: '1' }));
  const running = await startLocalCluster(options);
  await running.ready;
  for (const name of children) assert.ok((await pidOf(name)) !== null, name);
});

test('down right after a start leaves no process, without being forced', async () => {
  const startedMs = performance.now();
  assert.deepEqual(await stopLocalCluster(options), ['west']);
  const tookMs = performance.now() - startedMs;
  assert.ok(tookMs < 45_000, `${tookMs} ms: the agent did not end by itself`);
  assert.deepEqual(processesLeft(), []);
  assert.deepEqual(await stopLocalCluster(options), []);
});

test('a port in use stops the start before anything runs', async () => {
  const { createServer } = await import('node:net');
  const host = files.cluster.regions[0]?.bind ?? fail();
  const server = createServer();
  await new Promise<void>((resolve) => server.listen({ host, port: 6379 }, resolve));
  await assert.rejects(
    startLocalCluster(options),
    /west cannot start: .*:6379 is in use by process/,
  );
  assert.deepEqual(processesLeft(), []);
  server.close();
});

function fail(): never {
  throw new Error('there is none');
}
