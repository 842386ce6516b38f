/**
 * All regions of a cluster on this machine: one agent process each, started side by side, watched
 * until they can serve, stopped in order. Regions share nothing but the cluster file.
 */
import { spawn } from 'node:child_process';
import { closeSync } from 'node:fs';
import { mkdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { ClusterBase, RegionConfig } from '../../shared/config/cluster-schema.ts';
import { loadSecrets } from '../../shared/config/load.ts';
import { linkIdentityOf } from '../../shared/config/security.ts';
import { installLinkIdentity } from '../../shared/runtime/link-security.ts';
import type { RegionId } from '../../shared/core/region.ts';
import { sleep } from '../../shared/runtime/sleep.ts';
import { createAgentClient } from './agent-client.ts';
import { ensureClusterFiles, type NewCluster } from './cluster-files.ts';
import { endLeftovers, runningAgent } from './leftovers.ts';
import { ensureLocation } from './postgres-place.ts';
import { whyNotFree } from './process/address-check.ts';
import { lastLines, openLogFile } from './process/log-file.ts';
import { endProcess, waitForEnd } from './process/process-identity.ts';
import { locatePrograms, nodeEnvironment, postgresUser } from './programs.ts';
import { addressesOf } from './region-addresses.ts';
import { startLocalWan, stopLocalWan } from './local-wan.ts';
import { clusterPaths, localRegionPaths, readLocation } from './region-paths.ts';
import type { WanPlace } from './wan/wan-settings.ts';
import { watchRegion, type RegionStep } from './region-progress.ts';

export interface LocalClusterOptions {
  readonly stateFolder: string;
  readonly cluster: ClusterBase;
  /** Program and arguments that run one region's agent in the foreground (`region up <id>`). */
  readonly regionCommand: (
    region: RegionId,
    /** To be passed on as `--hosts-file`; null: the cluster file's hosts. */
    hostsFile: string | null,
  ) => readonly [string, ...string[]];
  /** Puts TCP proxies between the regions; a place of their own for clusters in tests. */
  readonly wan?: boolean | WanPlace;
  /** Called for each step that begins, ends or fails. */
  readonly onStep: (step: RegionStep) => void;
}

export interface RunningCluster {
  /** Resolves when every region can serve; rejects with what is missing after the bound. */
  readonly ready: Promise<void>;
  /** Stops every region in order; resolves when no process is left. */
  stop(): Promise<void>;
}

const readyBoundMs = 180_000;
const stopBoundMs = 60_000;

/** Writes once what a local cluster needs before anything starts. */
export async function prepareLocalCluster(stateFolder: string, wanted?: NewCluster): Promise<void> {
  await mkdir(stateFolder, { recursive: true });
  await ensureLocation(stateFolder, postgresUser());
  await ensureClusterFiles(stateFolder, wanted);
}

/** Deletes everything of the cluster in `stateFolder`. Throws while one of its regions runs. */
export async function removeLocalCluster(
  stateFolder: string,
  regions: readonly string[],
): Promise<void> {
  const running = regions.find((id) => runningAgent(localRegionPaths(stateFolder, id)) !== null);
  if (running !== undefined) throw new Error(`${running} is running: npx meridian down stops it.`);
  const location = readLocation(stateFolder);
  const paths = clusterPaths(stateFolder);
  if (location !== null) await rm(location, { recursive: true, force: true });
  for (const path of [
    paths.clusterFile,
    join(stateFolder, 'regions'),
    paths.locationFile,
    paths.authorityFolder,
    paths.wanFile,
    paths.logsFolder,
    paths.runFolder,
  ]) {
    await rm(path, { recursive: true, force: true });
  }
}

/**
 * Starts the regions that do not run yet. Throws, before anything is started, when an address is
 * taken.
 */
export async function startLocalCluster(options: LocalClusterOptions): Promise<RunningCluster> {
  const { stateFolder, cluster } = options;
  speakForFirstRegion(stateFolder, cluster);
  const missing = cluster.regions.filter(
    ({ id }) => runningAgent(localRegionPaths(stateFolder, id)) === null,
  );
  for (const { id } of missing) await endLeftovers(localRegionPaths(stateFolder, id));
  for (const region of missing) {
    const why = await whyNotFree(addressesOf(region, cluster.kafka));
    if (why !== null) throw new Error(`${region.id} cannot start: ${why}`);
  }
  const wan = options.wan ?? false;
  if (wan !== false) await startLocalWan(stateFolder, cluster, wan === true ? undefined : wan);
  const agents = await Promise.all(missing.map((region) => startAgent(options, region)));
  const watching = new AbortController();
  const failed = Promise.race(agents.map(({ ended }) => ended)).then((why) => {
    throw new Error(why);
  });
  const allReady = Promise.all(
    cluster.regions.map((region) => waitUntilReady(options, region, watching.signal)),
  );
  const ready = (agents.length === 0 ? allReady : Promise.race([allReady, failed]))
    .then(() => undefined)
    .finally(() => watching.abort());
  failed.catch(() => undefined);
  ready.catch(() => undefined);
  return {
    ready,
    async stop() {
      watching.abort();
      await stopLocalCluster(options);
    },
  };
}

/** Stops every region that runs, side by side, then the WAN; returns what was running. */
export async function stopLocalCluster(
  options: Pick<LocalClusterOptions, 'stateFolder' | 'cluster' | 'onStep'>,
): Promise<string[]> {
  speakForFirstRegion(options.stateFolder, options.cluster);
  const stopped: string[][] = await Promise.all(
    options.cluster.regions.map(async (region) => {
      const startedMs = performance.now();
      const hadAny = await stopRegion(options.stateFolder, region);
      const seconds = (performance.now() - startedMs) / 1000;
      if (hadAny)
        options.onStep({
          region: region.id,
          step: 'stopped',
          state: 'done',
          detail: null,
          seconds,
        });
      return hadAny ? [region.id] : [];
    }),
  );
  if (await stopLocalWan(options.stateFolder)) stopped.push(['wan']);
  return stopped.flat();
}

/** In mode tls the agents answer only to who knows the cluster's authority. */
function speakForFirstRegion(stateFolder: string, cluster: ClusterBase): void {
  const [first] = cluster.regions;
  if (cluster.security.mode === 'plain' || first === undefined) return;
  const { secretsFile } = localRegionPaths(stateFolder, first.id);
  installLinkIdentity(linkIdentityOf(cluster, loadSecrets(secretsFile)));
}

async function stopRegion(stateFolder: string, region: RegionConfig): Promise<boolean> {
  const paths = localRegionPaths(stateFolder, region.id);
  const agent = runningAgent(paths);
  if (agent !== null) {
    const client = createAgentClient(region, loadSecrets(paths.secretsFile).own.agentToken);
    const isAsked = await client.down().catch(() => false);
    await client.close();
    if (!isAsked || !(await waitForEnd(agent, stopBoundMs)))
      await endProcess(agent, 'SIGTERM', 20_000);
  }
  const leftovers = await endLeftovers(paths);
  return agent !== null || leftovers.length > 0;
}

async function startAgent(
  options: LocalClusterOptions,
  region: RegionConfig,
): Promise<{ ended: Promise<string> }> {
  const { logsFolder, wanHostsFile } = localRegionPaths(options.stateFolder, region.id);
  await mkdir(logsFolder, { recursive: true });
  const logFile = join(logsFolder, 'agent.log');
  const [program, ...args] = options.regionCommand(
    region.id,
    (options.wan ?? false) === false ? null : wanHostsFile,
  );
  const log = openLogFile(logFile);
  // A process group of its own: a terminal's Ctrl-C reaches it through `stop`, in order.
  const env = nodeEnvironment(locatePrograms());
  const child = spawn(program, args, { env, stdio: ['ignore', log, log], detached: true });
  closeSync(log);
  const ended = new Promise<string>((resolve) => {
    child.once('error', (error) => resolve(`${region.id} cannot start: ${error.message}`));
    child.once('exit', () => {
      resolve(`The agent of ${region.id} ended: ${lastLines(logFile, 3).join(' ')} (${logFile})`);
    });
  });
  child.unref();
  return { ended };
}

async function waitUntilReady(
  options: LocalClusterOptions,
  region: RegionConfig,
  signal: AbortSignal,
): Promise<void> {
  const { secretsFile } = localRegionPaths(options.stateFolder, region.id);
  const client = createAgentClient(region, loadSecrets(secretsFile).own.agentToken);
  const watch = watchRegion(region, options.onStep);
  const deadline = performance.now() + readyBoundMs;
  try {
    while (!signal.aborted) {
      const state = await client.state().catch(() => null);
      if (state !== null && (await watch.see(state))) return;
      if (performance.now() > deadline) throw new Error(watch.whatIsMissing());
      await sleep(200, signal);
      if (signal.aborted) throw new Error(`${region.id} was stopped.`);
    }
  } finally {
    await client.close();
  }
}
