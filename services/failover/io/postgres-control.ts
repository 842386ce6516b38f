/** The node agent's only client: the processes and folders of the region's PostgreSQL nodes. */
import { z } from 'zod';
import { parseLsn } from '../../../shared/core/lsn.ts';
import { parseNodeId, type NodeId } from '../../../shared/core/node.ts';
import type { NodeState } from '../../../shared/core/node-state.ts';
import { MeridianError } from '../../../shared/errors/meridian-error.ts';
import { createBearerClient, type BearerClient } from '../../../shared/http/bearer-client.ts';
import type { NodeControl } from '../../../shared/ports/node-control.ts';
import { internalOrigin } from '../../../shared/runtime/link-security.ts';
import { sleep } from '../../../shared/runtime/sleep.ts';

export interface AgentAddress {
  readonly host: string;
  readonly port: number;
  readonly token: string;
}

export interface PostgresControl extends NodeControl {
  /** Of the broker that the agent runs; null when it runs none, or does not say. */
  kafkaVersion(): Promise<string | null>;
  close(): Promise<void>;
}

const callTimeoutMs = 3000;
const pollMs = 100;
/** While an application waits for it. */
const hurriedPollMs = 10;
/** A base backup may take long; without any progress for this time it has hung. */
const silenceMaxMs = 120_000;

const nodeSchema = z.object({
  id: z.string().transform((text) => parseNodeId(text)),
  host: z.string(),
  port: z.number(),
  data: z.enum(['none', 'half-made', 'ready']),
  process: z.enum(['stopped', 'starting', 'running', 'failed']),
  mode: z.enum(['normal', 'isolated', 'standby']).nullable(),
  isStandby: z.boolean().nullable().default(null),
  pid: z.number().nullable(),
  version: z.string().nullable().default(null),
  restarts: z.number(),
  problem: z.string().nullable(),
  progress: z.object({ doneBytes: z.number(), totalBytes: z.number().nullable() }).nullable(),
  recoveredTo: z.string().nullable(),
  disk: z.object({ freeBytes: z.number(), totalBytes: z.number() }).nullable().default(null),
  operation: z.string().nullable(),
  adoption: z
    .object({ phase: z.enum(['copying', 'following', 'taking-over']) })
    .nullable()
    .default(null),
});
type AgentNode = NodeState & { readonly operation: string | null };

export function createPostgresControl(agent: AgentAddress): PostgresControl {
  const origin = internalOrigin(agent.host, agent.port);
  const client = createBearerClient(origin, () => Promise.resolve(agent.token));
  const run = (node: NodeId, operation: string, body: object = {}): Promise<AgentNode> =>
    runOperation(client, { node, operation, body });
  return {
    nodes: () => readNodes(client),
    async initialise(node) {
      await run(node, 'initialise');
    },
    seedRegionNode: (node, source) => run(node, 'seed-region-node', source),
    async seedStandby(node, primary) {
      await run(node, 'seed-standby', { primary });
    },
    async start(node, mode, primary) {
      await run(node, 'start', { mode, primary });
    },
    async stop(node) {
      await run(node, 'stop');
    },
    async promote(node) {
      await run(node, 'promote');
    },
    async setAside(node) {
      await run(node, 'set-aside');
    },
    kafkaVersion: () => readKafkaVersion(client),
    close: () => client.close(),
  };
}

const processesSchema = z.object({
  processes: z.array(z.object({ name: z.string(), version: z.string().nullable().default(null) })),
});

async function readKafkaVersion(client: BearerClient): Promise<string | null> {
  const call = { method: 'GET', path: '/agent/state', timeoutMs: callTimeoutMs } as const;
  const { processes } = processesSchema.parse((await client.call(call)).body);
  return processes.find(({ name }) => name === 'kafka')?.version ?? null;
}

async function readNodes(client: BearerClient): Promise<AgentNode[]> {
  const reply = await client.call({
    method: 'GET',
    path: '/agent/nodes',
    timeoutMs: callTimeoutMs,
  });
  const { nodes } = z.object({ nodes: z.array(nodeSchema) }).parse(reply.body);
  return nodes.map(({ id, recoveredTo, ...rest }) => {
    if (id === null) throw new MeridianError('ProtocolViolation', 'the agent named no node id');
    return { ...rest, id, recoveredTo: recoveredTo === null ? null : parseLsn(recoveredTo) };
  });
}

interface Operation {
  readonly node: NodeId;
  readonly operation: string;
  readonly body: object;
}

/** Asks for it, and waits for its end; throws what the agent says went wrong. */
async function runOperation(client: BearerClient, asked: Operation): Promise<AgentNode> {
  const name = asked.node.slice(asked.node.indexOf('/') + 1);
  const path = `/agent/nodes/${name}/${asked.operation}`;
  await client.call({ method: 'POST', path, body: asked.body, timeoutMs: callTimeoutMs });
  let heardAtMs = performance.now();
  let seen = '';
  for (;;) {
    const nodes = await readNodes(client).catch(() => null);
    const node = nodes?.find(({ id }) => id === asked.node);
    if (node !== undefined && node.operation !== asked.operation) return ended(node, asked);
    const progress = JSON.stringify(node?.progress ?? null);
    if (node !== undefined && progress !== seen) {
      seen = progress;
      heardAtMs = performance.now();
    }
    if (performance.now() - heardAtMs > silenceMaxMs) {
      throw new MeridianError(
        'SeedFailed',
        `${asked.operation} of ${asked.node} makes no progress`,
      );
    }
    await sleep(node?.adoption?.phase === 'taking-over' ? hurriedPollMs : pollMs);
  }
}

function ended(node: AgentNode, asked: Operation): AgentNode {
  if (node.problem?.startsWith(`${asked.operation}: `) === true) {
    throw new MeridianError('SeedFailed', node.problem, { node: asked.node });
  }
  return node;
}
