/** The CLI's side of a region's agent: its state, and its end. */
import type { RegionConfig } from '../../shared/config/cluster-schema.ts';
import type { NodeId } from '../../shared/core/node.ts';
import { createBearerClient, type BearerClient } from '../../shared/http/bearer-client.ts';
import { internalOrigin } from '../../shared/runtime/link-security.ts';
import { isMeridianError } from '../../shared/errors/meridian-error.ts';
import { agentStateSchema, type AgentState } from './agent-state.ts';
import { nodeName } from './region-paths.ts';

export interface AgentClient {
  /** Null when no agent answers. */
  state(): Promise<AgentState | null>;
  /** Asks the agent to stop its region; false when no agent answers. */
  down(): Promise<boolean>;
  /** Has the region take the cluster file as it is now; false when no agent answers. */
  reload(): Promise<boolean>;
  /** Has the copy of a database that is being adopted take its place. */
  takeOver(node: NodeId): Promise<boolean>;
  close(): Promise<void>;
}

const timeoutMs = 3000;

/** A client of the agent of `region` on this machine. */
export function createAgentClient(region: RegionConfig, agentToken: string): AgentClient {
  const origin = internalOrigin(region.bind, region.agentPort);
  const client: BearerClient = createBearerClient(origin, () => Promise.resolve(agentToken));
  const post = async (path: string): Promise<boolean> => {
    try {
      await client.call({ method: 'POST', path, timeoutMs });
      return true;
    } catch (error) {
      if (isMeridianError(error, 'UpstreamUnavailable')) return false;
      throw error;
    }
  };
  return {
    async state() {
      try {
        const reply = await client.call({ method: 'GET', path: '/agent/state', timeoutMs });
        return agentStateSchema.parse(reply.body);
      } catch (error) {
        if (isMeridianError(error, 'UpstreamUnavailable')) return null;
        throw error;
      }
    },
    down: () => post('/agent/down'),
    reload: () => post('/agent/reload'),
    takeOver: (node) => post(`/agent/nodes/${nodeName(node)}/take-over`),
    close: () => client.close(),
  };
}
