/** A controller for tests of the admin API: real state and view, answers as the test says. */
import type { FastifyInstance } from 'fastify';
import { pino } from 'pino';
import { signAccessToken, type Scope } from '../../shared/auth/access-token.ts';
import { clusterSchema, type RegionConfig } from '../../shared/config/cluster-schema.ts';
import { requirePeer, requireScope } from '../../shared/auth/require-scope.ts';
import type { ControlRecord } from '../../shared/core/control/control-record.ts';
import type { ClusterView, RegionReport } from '../../shared/core/cluster-view.ts';
import type { Epoch } from '../../shared/core/epoch.ts';
import type { NodeId } from '../../shared/core/node.ts';
import type { RegionId } from '../../shared/core/region.ts';
import type { ControlRelay } from '../../shared/ports/control-log.ts';
import type { OperatorAnswer } from '../../services/failover/core/controller-effect.ts';
import type { OperatorRequest } from '../../services/failover/core/controller-input.ts';
import {
  initialControllerState,
  type ControllerState,
} from '../../services/failover/core/controller-state.ts';
import { viewOf } from '../../services/failover/core/published-view.ts';
import type { ControllerAccess } from '../../services/failover/http/controller-access.ts';

export const clusterId = '7f1e2d9c-0b3a-4c5d-8e6f-112233445566';
export const keys = {
  signWith: 'k1',
  keys: { k1: Buffer.from('a key of thirty-two bytes or more').toString('base64') },
};

export interface AskedAccess extends ControllerAccess {
  readonly asked: OperatorRequest[];
  readonly heard: ControlRecord[];
}

export interface AccessOptions {
  readonly state?: Partial<ControllerState>;
  readonly view?: Partial<ClusterView>;
  readonly diverged?: readonly Readonly<Record<string, unknown>>[];
  readonly relay?: ControlRelay;
  readonly answer?: (request: OperatorRequest) => OperatorAnswer;
}

/** Region eu-west of eu-west, us-east and ap-south, at monotonic time 100 s. */
export function controllerAccess(options: AccessOptions = {}): AskedAccess {
  const state = { ...initialControllerState(config()), nowMs: 100_000, ...options.state };
  const view: ClusterView = { ...viewOf(state), ...options.view };
  const asked: OperatorRequest[] = [];
  const heard: ControlRecord[] = [];
  const answer = options.answer ?? accept;
  return {
    asked,
    heard,
    clusterId,
    region: 'eu-west' as RegionId,
    regions: ['eu-west', 'us-east', 'ap-south'].map(regionConfig),
    logger: pino({ level: 'silent' }),
    requireViewer: requireScope('admin:viewer', clusterId, keys),
    requireOperator: requireScope('admin:operator', clusterId, keys),
    requireAdmin: requireScope('admin:admin', clusterId, keys),
    requirePeer: requirePeer(clusterId, keys),
    view: () => view,
    onChange: () => () => undefined,
    state: () => state,
    storedOffset: () => null,
    nowMs: () => 100_000,
    wallMs: () => 1_700_000_000_000,
    ask(request) {
      asked.push(request);
      return Promise.resolve(answer(request));
    },
    hear: (record) => heard.push(record) > 0,
    diverged: {
      list: () => Promise.resolve(options.diverged ?? []),
      rows: (_id, { after, limit }) =>
        Promise.resolve((options.diverged ?? []).slice(after, after + limit)),
      discard: () => Promise.resolve(options.diverged?.length ?? 0),
    },
    controlProblem: () => Promise.resolve(null),
    schemaAnswer: () => Promise.resolve(null),
    relay: options.relay ?? {
      append: () => Promise.reject(new Error('not asked for here')),
      entriesFrom: () => Promise.resolve([]),
      logId: () => null,
    },
  };
}

export function accept(request: OperatorRequest): OperatorAnswer {
  return { kind: 'accepted', operationId: request.operation.id };
}

/** A request with a token of `scope`: a POST when it has a body. */
export async function call(
  server: FastifyInstance,
  path: string,
  options: { scope?: Scope; body?: object; headers?: Record<string, string> } = {},
): Promise<{ status: number; body: Record<string, unknown>; location: string | undefined }> {
  const { scope = 'admin:operator', body, headers = {} } = options;
  const base = { clusterId, keys, subject: 'tester', role: 'app', ttlSeconds: 60 };
  const token = await signAccessToken({ ...base, scopes: [scope] });
  const reply = await server.inject({
    method: body === undefined ? 'GET' : 'POST',
    url: path,
    headers: { authorization: `Bearer ${token}`, ...headers },
    ...(body === undefined ? {} : { payload: body }),
  });
  const location = reply.headers.location;
  return { status: reply.statusCode, body: reply.json(), location };
}

/** What `region` says of itself as a healthy replica. */
export function replicaReport(region: string, fields: Partial<RegionReport> = {}): RegionReport {
  return {
    id: region as RegionId,
    name: region,
    role: 'replica',
    why: 'it has caught up with the primary',
    epoch: 3 as Epoch,
    position: null,
    lagMs: 40,
    health: 'healthy',
    nodes: [],
    isAccepting: true,
    ageMs: 0,
    ...fields,
  };
}

function config(): ControllerState['config'] {
  const regions = ['eu-west', 'us-east', 'ap-south'] as RegionId[];
  return {
    clusterId,
    cell: 'main',
    region: 'eu-west' as RegionId,
    regionName: 'Frankfurt',
    programVersion: '1.4.2',
    incarnation: 'one',
    nodes: ['eu-west/pg-1' as NodeId],
    policy: { clusterId, regions, priority: regions, k: 1, ttlMs: 5000, marginMs: 250 },
    renewIntervalMs: 500,
    nodeRecoveryMs: 3000,
    memberTimeoutMs: 10_000,
    degradeAfterMs: null,
    drainMs: 600,
    switchoverMs: 8000,
    failoverBackoffMs: 10_000,
    preferredPrimary: null,
    preferredQuietMs: 600_000,
    switchoverLagMs: 2000,
    checkpointIntervalMs: 10_000,
  };
}

function regionConfig(id: string, index: number): RegionConfig {
  const made = clusterSchema.shape.regions.element.parse({
    id,
    name: id,
    host: `${id}.meridian.internal`,
    bind: `127.0.0.${index + 2}`,
    location: { latitude: 0, longitude: 0 },
    listeners: { public: 7080, admin: 7081, peer: 7082 },
    agentPort: 7083,
    kafka: {
      nodeId: index + 1,
      directoryId: 'AAAAAAAAQACAAAAAAAAAAQ',
      isVoter: true,
      clientPort: 9092,
      brokerPort: 9093,
      controllerPort: 9094,
    },
    redis: { port: 6379 },
    nodes: [{ id: `${id}/pg-1`, port: 5432 }],
  });
  return made;
}
