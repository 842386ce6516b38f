/** Looks at the agents of a local cluster and tells when one of their processes dies or returns. */
import { setTimeout as sleep } from 'node:timers/promises';
import { createAgentClient, type AgentClient } from '../../local/agent-client.ts';
import { localRegionPaths } from '../../local/region-paths.ts';
import type { ClusterBase } from '../../../shared/config/cluster-schema.ts';
import { loadSecrets } from '../../../shared/config/load.ts';
import { changesBetween, type SeenProcess } from '../core/restart-watch.ts';

export interface WatchOptions {
  readonly stateFolder: string;
  readonly cluster: ClusterBase;
  readonly onLine: (line: string) => void;
  readonly signal: AbortSignal;
}

const lookEveryMs = 1000;

/** Resolves when the signal aborts, or when no agent is left. */
export async function watchAgents(options: WatchOptions): Promise<void> {
  const agents = options.cluster.regions.map((region) => {
    const { secretsFile } = localRegionPaths(options.stateFolder, region.id);
    return {
      region: region.id,
      client: createAgentClient(region, loadSecrets(secretsFile).own.agentToken),
      seen: null as readonly SeenProcess[] | null,
    };
  });
  try {
    while (!options.signal.aborted) {
      for (const agent of agents) {
        const now = await processesOf(agent.client);
        if (now === null && agent.seen !== null) options.onLine(`${agent.region}: its agent ended`);
        if (now !== null && agent.seen !== null) {
          changesBetween(agent.region, agent.seen, now).forEach(options.onLine);
        }
        agent.seen = now;
      }
      if (agents.every(({ seen }) => seen === null)) return;
      await sleep(lookEveryMs, undefined, { signal: options.signal }).catch(() => undefined);
    }
  } finally {
    await Promise.all(agents.map(async ({ client }) => client.close()));
  }
}

async function processesOf(client: AgentClient): Promise<readonly SeenProcess[] | null> {
  const state = await client.state().catch(() => null);
  return state?.processes ?? null;
}
