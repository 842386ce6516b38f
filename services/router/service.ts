/**
 * The router: chooses the PostgreSQL node of each request. Watches the region's nodes, serves the
 * data API on the public listener and other regions' routers on the peer listener.
 */
import type { ClusterBase } from '../../shared/config/cluster-schema.ts';
import { regionOfConfig } from '../../shared/config/cluster-schema.ts';
import type { Secrets } from '../../shared/config/secrets-schema.ts';
import type { ClusterView } from '../../shared/core/cluster-view.ts';
import type { NodeId } from '../../shared/core/node.ts';
import type { RegionId } from '../../shared/core/region.ts';
import type { Readiness } from '../../shared/http/health-routes.ts';
import { createPeerClient } from '../../shared/http/peer-client.ts';
import type { Service } from '../../shared/http/service.ts';
import type { Logger } from '../../shared/logging/logger.ts';
import type { Metrics } from '../../shared/metrics/metrics.ts';
import type { Clock } from '../../shared/ports/clock.ts';
import type { DataAccess } from '../../shared/ports/data-access.ts';
import { leaseRemainingMs, type RegionControl } from '../../shared/ports/region-control.ts';
import type { ReplicationStatus } from '../../shared/ports/replication-status.ts';
import { createTokenSigner } from '../../shared/runtime/token-signer.ts';
import type { RouterConfig } from './config.ts';
import { dataRoutes } from './http/data-routes.ts';
import { peerRoutes } from './http/peer-routes.ts';
import { createPositionCarrier } from './http/position-carrier.ts';
import { createPositionTokens } from './http/position-tokens.ts';
import { AdmittedAccess } from './io/admitted-access.ts';
import { AloneRunner } from './io/sql/alone-runner.ts';
import { DataAuth } from './io/data-auth.ts';
import { OpenTransactions } from './io/interactive/open-transactions.ts';
import { TransactionCalls } from './io/interactive/transaction-calls.ts';
import { makeTransactionId } from './io/interactive/transaction-id.ts';
import { FreshnessFeed } from './io/freshness-feed.ts';
import { HeldSnapshot } from './io/held-snapshot.ts';
import { expireKeys } from './io/key-expiry.ts';
import { NodePools, type NodeTarget } from './io/node-pools.ts';
import { NodeWatcher } from './io/node-watcher.ts';
import { PrimaryForwarder } from './io/primary-forwarder.ts';
import { PrimaryPosition } from './io/primary-position.ts';
import { PrimaryWork } from './io/primary-work.ts';
import { ReadRunner } from './io/sql/read-runner.ts';
import { QuorumCheck, sealedAnswer } from './io/quorum-check.ts';
import { ReplicaReads } from './io/replica-reads.ts';
import { SettledCommits } from './io/settled-commits.ts';
import { RoutedAccess } from './io/routed-access.ts';
import { StatementAnalysis } from './io/statement-analysis.ts';
import { TransactionRunner } from './io/sql/transaction-runner.ts';

export interface RouterDependencies {
  readonly config: RouterConfig;
  readonly secrets: Secrets;
  readonly cluster: ClusterBase;
  readonly region: RegionId;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly metrics: Metrics;
  readonly regionControl: RegionControl;
  readonly replicationStatus: ReplicationStatus;
}

export interface RouterService extends Service {
  /** SQL for any front end. */
  readonly access: DataAccess;
}

const trimIntervalMs = 10_000;
const drainMsMax = 15_000;

/** The router service; nothing runs before `start`. */
export function createRouterService(dependencies: RouterDependencies): RouterService {
  const { config, secrets, cluster, region, clock, logger } = dependencies;
  const { regionControl: control, replicationStatus: status } = dependencies;
  const parts = assemble(dependencies);
  const { pools, watcher, analysis, feed, access, peers, positions, open } = parts;
  const tokens = createPositionTokens(createTokenSigner(secrets.shared.positionKeys), cluster);
  const carrier = createPositionCarrier(tokens, config.positionCookie);
  const { accessKeys } = secrets.shared;
  const auth = new DataAuth({
    config: config.auth,
    clusterId: cluster.clusterId,
    accessKeys,
    clock,
  });
  const identify = auth.identify.bind(auth);
  const peerKeys = secrets.shared.peerKeys;
  const now = () => positions.now(control.view(), watcher);
  const sealed = () => sealedAnswer(control.view(), { pools, status, clock });
  const stopping = new AbortController();
  let expiring: Promise<void> = Promise.resolve();
  let trimming: NodeJS.Timeout | null = null;
  let stopListening = (): void => undefined;
  return {
    access,
    plugins: {
      public: dataRoutes({ config, cluster, identify, access, positions: carrier, clock }),
      peer: peerRoutes({ config, cluster, peerKeys, access, clock, now, sealed }),
    },
    async start() {
      await analysis.load();
      watcher.start();
      feed.start();
      let primaryNode = primaryNodeOf(control.view());
      stopListening = control.onChange((view) => {
        watcher.recheck();
        open.recheck();
        // Writes may wait for connections that a frozen primary never gives back.
        if (primaryNode !== null && primaryNodeOf(view) !== primaryNode) {
          pools.turnAway(primaryNode);
        }
        primaryNode = primaryNodeOf(view);
      });
      expiring = expireKeys(
        {
          ...{ control, pools, clock, logger, leaseLeftMs: leaseLeft(control, clock) },
          ...{ keepMs: config.keyKeepMs, intervalMs: config.keyExpiryIntervalMs },
        },
        stopping.signal,
      );
      trimming = setInterval(() => pools.trim(), trimIntervalMs).unref();
      logger.info({ nodes: [...targetsOf(cluster, secrets, region).keys()] }, 'router started');
    },
    async drain() {
      await Promise.all([open.drain(), access.drain(drainMsMax)]);
    },
    async stop() {
      if (trimming !== null) clearInterval(trimming);
      stopListening();
      stopping.abort();
      open.stop();
      await Promise.all([watcher.stop(), feed.stop(), expiring]);
      pools.close();
      await peers.close();
    },
    readiness: () => Promise.resolve(readinessOf(watcher, status)),
  };
}

function assemble(dependencies: RouterDependencies) {
  const { config, secrets, cluster, region, clock, logger } = dependencies;
  const { regionControl: control, replicationStatus: status } = dependencies;
  const targets = targetsOf(cluster, secrets, region);
  const pools = new NodePools(targets, config.pools, clock);
  const watcher = new NodeWatcher({
    targets,
    config: config.health,
    clock,
    logger,
    view: () => control.view(),
    leaseLeftMs: leaseLeft(control, clock),
    onUnhealthy: (node) => pools.dropIdle(node),
  });
  const analysis = new StatementAnalysis({
    clock,
    borrow: async () => {
      const node = watcher.nodes().find(({ health }) => health.kind === 'healthy');
      return node === undefined ? null : pools.borrow(node.id, 'none', clock.monotonicMs() + 1000);
    },
  });
  const { peerKeys } = secrets.shared;
  const peers = createPeerClient({ region, clusterId: cluster.clusterId, peerKeys });
  const forwarder = new PrimaryForwarder({ cluster, client: peers, clock });
  const reader = new ReadRunner({ pools, clock });
  const positions = new PrimaryPosition({
    ...{ status, pools, clock },
    leaseLeftMs: leaseLeft(control, clock),
  });
  const settled = new SettledCommits();
  const onNotPrimary = (node: NodeId, why: string): void => watcher.ruleOut(node, why);
  const primary = new PrimaryWork({
    config,
    region,
    regionCount: cluster.regions.length,
    mayDegrade: cluster.durability.whenUnconfirmed === 'degrade',
    clock,
    status,
    watcher,
    reader,
    writer: new TransactionRunner({ pools, clock, settled, onNotPrimary }),
    alone: new AloneRunner({ pools, clock }),
    positions,
    held: new HeldSnapshot({ status, settled, clock }),
    quorum: new QuorumCheck({
      clock,
      ask: (member, timeoutMs) => forwarder.ask(member, 'sealed', timeoutMs),
    }),
    leaseLeftMs: leaseLeft(control, clock),
  });
  const replicas = new ReplicaReads({ config, clock, pools, watcher, reader });
  const own = { config, region, clock, control, analysis, watcher };
  const { open, calls } = assembleInteractive(dependencies, {
    ...{ pools, positions, primary, settled, onNotPrimary, analysis, forwarder },
  });
  const routed = new RoutedAccess({
    ...{ ...own, primary, replicas, positions, forwarder, open, calls },
  });
  const access = new AdmittedAccess(routed, { config, clock, metrics: dependencies.metrics });
  const feed = new FreshnessFeed({
    ...{ region, control, status, watcher, clock, logger },
    ask: (primary, timeoutMs) => forwarder.ask(primary, 'now', timeoutMs),
    intervalMs: config.freshnessIntervalMs,
  });
  return { pools, watcher, analysis, peers, positions, access, feed, open };
}

type InteractiveParts = Pick<
  ConstructorParameters<typeof OpenTransactions>[0],
  'pools' | 'positions' | 'primary' | 'settled' | 'onNotPrimary'
> &
  Pick<ConstructorParameters<typeof TransactionCalls>[0], 'analysis' | 'forwarder'>;

function assembleInteractive(
  { config, secrets, region, clock, metrics, regionControl: control }: RouterDependencies,
  { analysis, forwarder, ...parts }: InteractiveParts,
): { readonly open: OpenTransactions; readonly calls: TransactionCalls } {
  const signer = createTokenSigner(secrets.shared.positionKeys);
  const open = new OpenTransactions({
    ...{ ...parts, config, clock, metrics },
    view: () => control.view(),
    leaseLeftMs: leaseLeft(control, clock),
    makeId: () => makeTransactionId(signer, region),
  });
  return { open, calls: new TransactionCalls({ region, signer, analysis, forwarder, open }) };
}

/** The region's node while the region is primary. */
function primaryNodeOf({ primary, region, node }: ClusterView): NodeId | null {
  return primary === region ? node : null;
}

function leaseLeft(control: RegionControl, clock: Clock): () => number {
  return () => leaseRemainingMs(control.view(), clock.monotonicMs());
}

function targetsOf(
  cluster: ClusterBase,
  secrets: Secrets,
  region: RegionId,
): ReadonlyMap<NodeId, NodeTarget> {
  const { host, nodes } = regionOfConfig(cluster, region);
  const user = 'meridian_router';
  const password = secrets.shared.postgres.router;
  const { database } = cluster;
  return new Map(nodes.map(({ id, port }) => [id, { host, port, database, user, password }]));
}

function readinessOf(watcher: NodeWatcher, status: ReplicationStatus): Readiness {
  const nodes = watcher.nodes();
  const healthy = nodes.filter(({ health }) => health.kind === 'healthy');
  const detail = nodes.map(({ id, health }) => `${id}: ${health.kind} (${health.why})`).join('; ');
  const report = status.report();
  return {
    ready: healthy.length > 0,
    checks: [
      { name: 'postgres', ok: healthy.length > 0, degradedOnly: false, detail },
      {
        name: 'postgres-nodes',
        ok: healthy.length === nodes.length,
        degradedOnly: true,
        detail: `${healthy.length} of ${nodes.length} healthy; replication ${report.phase}`,
      },
    ],
  };
}
