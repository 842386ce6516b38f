/**
 * The node agent: the one process that starts, stops, restarts and wipes a region's Kafka, Redis,
 * PostgreSQL nodes and Meridian processes. It decides nothing about PostgreSQL: the controller
 * does, through the agent's routes.
 */
import { join } from 'node:path';
import { MeridianError } from '../../shared/errors/meridian-error.ts';
import { createServer } from '../../shared/http/server.ts';
import { agentPidFile } from './leftovers.ts';
import { registerAgentRoutes } from './agent-routes.ts';
import type { AgentState } from './agent-state.ts';
import { keepKafkaAccess } from './kafka-access.ts';
import { followCertificates } from './parts/certificate-renewal.ts';
import { createKafkaProcess } from './parts/kafka.ts';
import { createMeridianProcess, meridianProcesses } from './parts/meridian.ts';
import { createRedisProcess } from './parts/redis.ts';
import { createSampleUpstream } from './parts/sample-upstream.ts';
import { RegionNodes } from './postgres/region-nodes.ts';
import { whyNotFree } from './process/address-check.ts';
import { rotateLogFile } from './process/log-file.ts';
import type { ManagedProcess } from './process/managed-process.ts';
import {
  identityOf,
  readPidFile,
  removePidFile,
  writePidFile,
} from './process/process-identity.ts';
import {
  openRegionContext,
  takeCluster,
  type RegionContext,
  type RegionOptions,
} from './region-context.ts';

export interface RunningRegion {
  state(): AgentState;
  /** Stops every process in order; resolves when all are gone. Safe to call again. */
  stop(): Promise<void>;
  /** Resolves when the region was stopped, by `stop` or through `POST /agent/down`. */
  readonly stopped: Promise<void>;
}

const rotationIntervalMs = 10_000;

/**
 * Starts the region: Kafka and Redis at once, Meridian's processes, and the PostgreSQL nodes that
 * ran before. Throws in plain words when another agent runs the region or its port is taken.
 */
export async function runRegion(options: RegionOptions): Promise<RunningRegion> {
  const context = await openRegionContext(options);
  const pidFile = agentPidFile(context.paths);
  await claimRegion(context, pidFile);
  const nodes = new RegionNodes(context);
  const { servers, meridian } = processesOf(context, options.onlyPostgres === true);
  const state = (): AgentState => stateOf(context, [...servers, ...meridian], nodes);
  const ending = new AbortController();
  const { promise: stopped, resolve: markStopped } = Promise.withResolvers<void>();
  let stopping: Promise<void> | null = null;
  const stop = (): Promise<void> => (stopping ??= stopAll().finally(markStopped));
  const http = createServer({
    logger: context.logger,
    bodyBytesMax: 65_536,
    requestTimeoutMs: 10_000,
    link: 'agent',
  });
  registerAgentRoutes(http, {
    nodes,
    state,
    token: context.secrets.own.agentToken,
    onReload: () => reload(context, options, { meridian, ending: ending.signal }),
    onDown: () => void stop(),
  });
  await http.listen({ host: context.region.bind, port: context.region.agentPort });
  const rotation = setInterval(() => {
    rotateLogFile(join(context.paths.logsFolder, 'agent.log'));
    for (const { logFile } of state().processes) rotateLogFile(logFile);
  }, rotationIntervalMs);
  const unfollow = followCertificates(context, nodes, servers.length > 0);
  const stopAll = async (): Promise<void> => {
    context.logger.info('stopping the region');
    ending.abort();
    unfollow();
    await Promise.all(meridian.map((process) => process.stop()));
    await nodes.shutDown();
    await Promise.all(servers.map((process) => process.stop()));
    clearInterval(rotation);
    await http.close();
    removePidFile(pidFile);
    context.logger.info('region stopped');
  };
  for (const process of [...servers, ...meridian]) process.start();
  void keepKafkaAccess(context, ending.signal);
  await nodes.resume();
  return { state, stop, stopped };
}

/** Meridian's processes are told of other regions at their start. */
async function reload(
  context: RegionContext,
  options: RegionOptions,
  parts: { readonly meridian: readonly ManagedProcess[]; readonly ending: AbortSignal },
): Promise<void> {
  if (options.readCluster === undefined) {
    throw new MeridianError('RequestInvalid', 'This agent was given no cluster file.');
  }
  await takeCluster(context, options.readCluster(), options.hosts ?? {});
  context.logger.info('cluster file taken, restarting meridian');
  for (const process of parts.meridian) {
    void process.stop().then(() => {
      if (!parts.ending.aborted) process.start();
    });
  }
}

/** What the agent runs besides PostgreSQL. */
function processesOf(
  context: RegionContext,
  onlyPostgres: boolean,
): { servers: ManagedProcess[]; meridian: ManagedProcess[] } {
  if (onlyPostgres) return { servers: [], meridian: [] };
  const upstream = createSampleUpstream(context);
  const hasOwnRedis = context.region.redis.external === undefined;
  const redis = hasOwnRedis ? createRedisProcess(context) : [];
  const kafka = context.cluster.kafka.external === undefined ? createKafkaProcess(context) : [];
  return {
    servers: [kafka, redis, upstream ?? []].flat(),
    meridian: meridianProcesses(context.region).map((config) =>
      createMeridianProcess(context, config),
    ),
  };
}

/** One agent a region: the pid file says who; a dead one's is replaced. */
async function claimRegion(context: RegionContext, pidFile: string): Promise<void> {
  const { region, paths } = context;
  const other = readPidFile(pidFile);
  if (other !== null) {
    throw new Error(
      `${region.id} is running already: process ${String(other.pid)}, ${paths.folder}.`,
    );
  }
  const occupied = await whyNotFree([{ host: region.bind, port: region.agentPort }]);
  if (occupied !== null) throw new Error(`The agent of ${region.id} cannot start: ${occupied}`);
  const own = identityOf(process.pid);
  if (own !== null) writePidFile(pidFile, own);
}

function stateOf(
  context: RegionContext,
  processes: readonly ManagedProcess[],
  nodes: RegionNodes,
): AgentState {
  const states = processes.map((process) => process.state());
  return {
    region: context.region.id,
    agentPid: process.pid,
    isReady: states.every(({ phase }) => phase === 'running'),
    processes: [...states, ...nodes.processes()],
    nodes: nodes
      .states()
      .map(({ id, data, process: phase, mode, operation, problem, ...more }) => ({
        ...{ id, data, process: phase, mode, operation, problem },
        progress: more.progress === null ? null : { ...more.progress },
        adoption: more.adoption === null ? null : { ...more.adoption },
        takenOver: more.takenOver === null ? null : { ...more.takenOver },
      })),
  };
}
