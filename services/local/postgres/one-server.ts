/** Runs a node's server for the length of one piece of work, reachable by Meridian only. */
import { join } from 'node:path';
import { withPg, type PgClient } from '../../../shared/pg/client.ts';
import { sleep } from '../../../shared/runtime/sleep.ts';
import { ManagedProcess } from '../process/managed-process.ts';
import type { RegionContext } from '../region-context.ts';
import { ownerTarget, prepareServer, type ServerRun } from './server-process.ts';
import { nodeName } from '../region-paths.ts';

const startBoundMs = 120_000;

export interface OneServer {
  /** Runs `work` as Meridian's superuser in `database`. */
  query<T>(database: string, work: (client: PgClient) => Promise<T>): Promise<T>;
}

/** Starts the server isolated, runs `work`, stops it in order. Throws what went wrong, in words. */
export async function withOneServer<T>(
  context: RegionContext,
  run: Omit<ServerRun, 'mode' | 'primary'>,
  work: (server: OneServer) => Promise<T>,
): Promise<T> {
  const name = nodeName(run.node);
  const server = new ManagedProcess({
    name: `${name} (setup)`,
    logFile: join(context.paths.logsFolder, `${name}.log`),
    pidFile: join(context.paths.runFolder, `${name}-setup.pid`),
    stopSignal: 'SIGINT',
    stopBoundMs: 30_000,
    deathSignal: 'SIGQUIT',
    logger: context.logger,
    prepare: () => prepareServer(context, { ...run, mode: 'isolated', primary: null }),
  });
  server.start();
  try {
    await untilRunning(server);
    return await work({
      query: (database, query) => withPg(ownerTarget(context, run.port, database), query),
    });
  } finally {
    await server.stop();
  }
}

/** Throws, in words, when the process ends or does not answer in time. */
export async function untilRunning(server: ManagedProcess): Promise<void> {
  const deadline = performance.now() + startBoundMs;
  while (server.state().phase !== 'running') {
    const { phase, problem } = server.state();
    if (phase === 'failed') throw new Error(`PostgreSQL ${problem ?? 'did not start'}`);
    if (performance.now() > deadline) throw new Error('PostgreSQL did not answer within 120 s.');
    await sleep(50);
  }
}
