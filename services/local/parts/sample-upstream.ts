/** The sample upstream of a local cluster: something for the gateway to proxy to. */
import { join } from 'node:path';
import { ManagedProcess } from '../process/managed-process.ts';
import type { RegionContext } from '../region-context.ts';
import { processFiles } from './process-files.ts';

/** The process, not yet started; null when the cluster file asks for none. */
export function createSampleUpstream(context: RegionContext): ManagedProcess | null {
  const { region, paths, programs } = context;
  const port = region.sampleUpstreamPort;
  if (port === undefined) return null;
  const entry = join(programs.repositoryFolder, 'services/local/sample-upstream.ts');
  const args = ['--host', region.bind, '--port', String(port), '--region', region.id];
  return new ManagedProcess({
    ...processFiles(context, 'sample-upstream'),
    stopSignal: 'SIGTERM',
    stopBoundMs: 5000,
    deathSignal: 'SIGKILL',
    logger: context.logger,
    prepare: () =>
      Promise.resolve({
        program: programs.node,
        args: [entry, ...args],
        env: process.env,
        folder: paths.folder,
        runAs: null,
        addresses: [{ host: region.bind, port }],
        isAnswering: () => isAlive(`http://${region.bind}:${String(port)}/`),
      }),
  });
}

async function isAlive(url: string): Promise<boolean> {
  const reply = await fetch(url, { signal: AbortSignal.timeout(1000) });
  await reply.arrayBuffer();
  return reply.ok;
}
