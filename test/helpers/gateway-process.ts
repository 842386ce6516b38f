/** Gateways as processes of their own, for faults and figures. */
import { fork, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { openSync } from 'node:fs';
import { join } from 'node:path';
import { nodeCacheFolder } from '../../infra/scripts/parts.mjs';
import type { ClusterBase } from '../../shared/config/cluster-schema.ts';
import type { Secrets } from '../../shared/config/secrets-schema.ts';
import { nodeOptionsOf } from '../../services/local/parts/meridian.ts';
import type { RedisTarget } from '../../shared/redis/client.ts';
import { publicPort } from './gateway.ts';

const program = join(import.meta.dirname, '../fixtures/gateway/run-gateway.ts');

export interface GatewayProcessOptions {
  readonly cluster: ClusterBase;
  readonly region: string;
  readonly secrets: Secrets;
  readonly config: unknown;
  readonly redis?: RedisTarget;
  /** Where the log goes, access lines included; none: there is none. */
  readonly accessLogPath?: string;
}

export interface GatewayProcess {
  readonly origin: string;
  readonly child: ChildProcess;
  /** Value of a metric: the sum over its label sets that contain `labels`. */
  metric(name: string, labels?: string): Promise<number>;
  memory(): Promise<NodeJS.MemoryUsage>;
  /** SIGTERM, and the exit code. */
  end(): Promise<number | null>;
  kill(): Promise<void>;
}

/** Started and listening. */
export async function startGatewayProcess(options: GatewayProcessOptions): Promise<GatewayProcess> {
  const { accessLogPath } = options;
  const log = accessLogPath === undefined ? 'ignore' : openSync(accessLogPath, 'a');
  const level = accessLogPath === undefined ? {} : { GATEWAY_LOG: 'info' };
  const child = fork(program, [], {
    // As a region starts its processes.
    execArgv: [...process.execArgv, ...nodeOptionsOf(['gateway'])],
    env: {
      NODE_COMPILE_CACHE: nodeCacheFolder(),
      ...process.env,
      ...level,
      MERIDIAN_TEST: JSON.stringify(options),
    },
    stdio: ['ignore', process.env['GATEWAY_LOG'] === undefined ? log : 'inherit', 'inherit', 'ipc'],
  });
  const [first] = (await Promise.race([once(child, 'message'), once(child, 'exit')])) as [unknown];
  if (first !== 'ready') throw new Error(`the gateway has ended with ${String(first)}`);
  const address = options.cluster.regions.find(({ id }) => id === options.region)?.bind ?? '';
  const ask = async <T>(what: string): Promise<T> => {
    const answer = once(child, 'message');
    child.send(what);
    return ((await answer) as [Record<string, T>])[0][what] as T;
  };
  const exit = async (signal: 'SIGTERM' | 'SIGKILL'): Promise<number | null> => {
    if (child.exitCode !== null || child.signalCode !== null) return child.exitCode;
    const gone = once(child, 'exit');
    child.kill(signal);
    return ((await gone) as [number | null])[0];
  };
  return {
    origin: `http://${address}:${String(publicPort)}`,
    child,
    async metric(name, labels = '') {
      const lines = (await ask<string>('metrics')).split('\n');
      return lines
        .filter((line) => line.startsWith(name) && line.includes(labels))
        .reduce((sum, line) => sum + Number(line.slice(line.lastIndexOf(' '))), 0);
    },
    memory: () => ask('memory'),
    end: () => exit('SIGTERM'),
    async kill() {
      await exit('SIGKILL');
    },
  };
}
