/**
 * The node agent's HTTP interface, on the region's agent port, with the region's agent token as
 * bearer. JSON as in `shared/ports/node-control`, LSNs as X/X text:
 *
 * - `GET /agent/nodes` → `{nodes: NodeState[]}`, each with the `operation` under way or null
 * - `POST /agent/nodes/<pg-n>/initialise | stop | promote | set-aside`
 * - `POST /agent/nodes/<pg-n>/seed-region-node` `{host, port}`, `/seed-standby` `{primary}`,
 *   `/start` `{mode, primary}`: 202 with the node's state; progress and outcome (`problem`) are in
 *   `GET /agent/nodes`. Asking again for what is under way changes nothing; another operation
 *   meanwhile is refused with OperationRunning.
 * - `POST /agent/nodes/<pg-n>/take-over`: the copy of a database that is being adopted, which
 *   `initialise` makes and keeps up to date, takes its place; refused while there is none.
 * - `POST /agent/reload` takes the cluster file as it is now and restarts Meridian's processes.
 * - `GET /agent/state` → every process; `POST /agent/down` stops the region and ends the agent.
 */
import { timingSafeEqual } from 'node:crypto';
import type { FastifyInstance, FastifyRequest } from 'fastify';
import { z } from 'zod';
import { formatLsn } from '../../shared/core/lsn.ts';
import { parseNodeId, type NodeId } from '../../shared/core/node.ts';
import { MeridianError } from '../../shared/errors/meridian-error.ts';
import type { AgentState } from './agent-state.ts';
import type { NodeOperation } from './postgres/node-operations.ts';
import type { AgentNodeState } from './postgres/postgres-node.ts';
import type { RegionNodes } from './postgres/region-nodes.ts';

export interface AgentRoutesOptions {
  readonly nodes: RegionNodes;
  readonly state: () => AgentState;
  readonly token: string;
  /** Takes the cluster file as it is now; resolves when that has begun, throws when it is unfit. */
  readonly onReload: () => Promise<void>;
  /** Begins the end of the agent; returns at once. */
  readonly onDown: () => void;
}

const nodeIdSchema = z.string().transform((text, context): NodeId => {
  const id = parseNodeId(text);
  if (id !== null) return id;
  context.addIssue({ code: 'custom', message: 'must read <region>/pg-<n>' });
  return z.NEVER;
});
const nodeParams = z.object({ name: z.string().regex(/^pg-[1-9][0-9]{0,2}$/) });
const seedBody = z.object({ host: z.string().min(1), port: z.int().min(1).max(65535) });
const seedStandbyBody = z.object({ primary: nodeIdSchema });
const startBody = z.object({
  mode: z.enum(['normal', 'isolated', 'standby']),
  primary: nodeIdSchema.nullable(),
});

/** Registers the routes on `server`; every one needs the token. */
export function registerAgentRoutes(server: FastifyInstance, options: AgentRoutesOptions): void {
  const { nodes } = options;
  server.addHook('onRequest', (request, _reply, done) => {
    done(
      hasToken(request, options.token)
        ? undefined
        : new MeridianError('Unauthenticated', 'The agent token is missing or wrong.'),
    );
  });
  server.get('/agent/state', async () => options.state());
  server.post('/agent/down', async (_request, reply) => {
    setImmediate(options.onDown);
    return reply.code(202).send({ stopping: true });
  });
  server.post('/agent/reload', async (_request, reply) => {
    await options.onReload();
    return reply.code(202).send({ reloading: true });
  });
  server.get('/agent/nodes', async () => ({ nodes: nodes.states().map(toJson) }));
  const operations: Record<NodeOperation, (node: NodeId, body: unknown) => Promise<unknown>> = {
    initialise: (node) => nodes.initialise(node),
    'seed-region-node': (node, body) => nodes.seedRegionNode(node, parse(seedBody, body)),
    'seed-standby': (node, body) => nodes.seedStandby(node, parse(seedStandbyBody, body).primary),
    start: (node, body) => {
      const { mode, primary } = parse(startBody, body);
      return nodes.start(node, mode, primary);
    },
    stop: (node) => nodes.stop(node),
    promote: (node) => nodes.promote(node),
    'set-aside': (node) => nodes.setAside(node),
  };
  server.post('/agent/nodes/:name/take-over', async (request, reply) => {
    const node = nodes.idOf(parse(nodeParams, request.params).name);
    nodes.takeOver(node);
    return reply.code(202).send(toJson(nodes.stateOf(node)));
  });
  for (const [name, run] of Object.entries(operations)) {
    server.post(`/agent/nodes/:name/${name}`, async (request, reply) => {
      const node = nodes.idOf(parse(nodeParams, request.params).name);
      await begin(run(node, request.body));
      return reply.code(202).send(toJson(nodes.stateOf(node)));
    });
  }
}

/** What is refused at once is the reply; a longer operation's outcome is in the node's state. */
async function begin(operation: Promise<unknown>): Promise<void> {
  const isUnderWay = new Promise((resolve) => setImmediate(resolve));
  await Promise.race([operation, isUnderWay]);
  operation.catch(() => undefined);
}

function parse<S extends z.ZodType>(schema: S, value: unknown): z.output<S> {
  const result = schema.safeParse(value);
  if (result.success) return result.data;
  throw new MeridianError('RequestInvalid', z.prettifyError(result.error));
}

function hasToken(request: FastifyRequest, token: string): boolean {
  const given = Buffer.from(request.headers.authorization ?? '');
  const expected = Buffer.from(`Bearer ${token}`);
  return given.length === expected.length && timingSafeEqual(given, expected);
}

function toJson(state: AgentNodeState): Record<string, unknown> {
  const recoveredTo = state.recoveredTo === null ? null : formatLsn(state.recoveredTo);
  return { ...state, recoveredTo };
}
