/**
 * The controller of a region as `main` composes it: connects the loop around the pure core with the
 * control log, the node agent, the region's own node, the replicator and the other regions.
 */
import type { FailoverConfig } from './config.ts';
import { initialControllerState } from './core/controller-state.ts';
import { primaryNode, viewOf } from './core/published-view.ts';
import type { ControllerConfig } from './core/controller-config.ts';
import { adminRoutes } from './http/admin-routes.ts';
import type { ControllerAccess } from './http/controller-access.ts';
import { divergedRoutes } from './http/diverged-routes.ts';
import { operationRoutes } from './http/operation-routes.ts';
import { peerRoutes } from './http/peer-routes.ts';
import { tokenRoutes } from './http/token-routes.ts';
import { roleRoutes } from './http/role-routes.ts';
import { findCheckpoint } from './io/checkpoint-search.ts';
import { controllerReadiness } from './io/controller-health.ts';
import { Diverged } from './io/divergence/diverged-access.ts';
import { ControllerLoop } from './io/controller-loop.ts';
import {
  controllerConfigOf,
  controlTarget,
  controlVoters,
  dataTarget,
  keptTopics,
  logLeaderPlace,
  nodeAccessOf,
  peersOf,
  placeOf,
} from './io/controller-setup.ts';
import { readControlLog } from './io/control-reader.ts';
import { trimControlLog } from './io/control-trimmer.ts';
import { EffectRunner } from './io/effect-runner.ts';
import { exchangeReports } from './io/watch/peer-reports.ts';
import { connectControlLog } from './io/relay/connect-control-log.ts';
import { keepLogLeader } from './io/relay/log-leader-keeper.ts';
import { createPostgresControl } from './io/postgres-control.ts';
import { meterController } from './io/controller-meters.ts';
import { RegionWatch } from './io/watch/region-watch.ts';
import { SchemaWatch } from './io/watch/schema-watch.ts';
import { ShownFacts } from './io/watch/shown-facts.ts';
import { SlotCopies } from './io/watch/slot-copies.ts';
import { watchReplication } from './io/watch/replication-watch.ts';
import { TopicKeeper } from './io/topic-keeper.ts';
import { requirePeer, requireScope } from '../../shared/auth/require-scope.ts';
import {
  regionOfConfig,
  type ClusterBase,
  type RegionConfig,
} from '../../shared/config/cluster-schema.ts';
import type { Secrets } from '../../shared/config/secrets-schema.ts';
import { InvariantBroken } from '../../shared/core/assert.ts';
import type { RegionReport } from '../../shared/core/cluster-view.ts';
import type { LogOffset } from '../../shared/core/log-offset.ts';
import { zeroPosition } from '../../shared/core/position.ts';
import type { RegionId } from '../../shared/core/region.ts';
import type { Readiness } from '../../shared/http/health-routes.ts';
import { createPeerClient, type PeerClient } from '../../shared/http/peer-client.ts';
import type { Service } from '../../shared/http/service.ts';
import type { Logger } from '../../shared/logging/logger.ts';
import type { Metrics } from '../../shared/metrics/metrics.ts';
import type { Clock } from '../../shared/ports/clock.ts';
import type { RegionControl } from '../../shared/ports/region-control.ts';
import type { ReplicationStatus } from '../../shared/ports/replication-status.ts';

export interface FailoverDependencies {
  readonly cluster: ClusterBase;
  readonly config: FailoverConfig;
  readonly secrets: Secrets;
  readonly region: RegionId;
  readonly logger: Logger;
  readonly clock: Clock;
  readonly metrics: Metrics;
  /** Asked from the start of the service on: the replicator is made after the controller. */
  readonly replicationStatus: ReplicationStatus;
}

export type FailoverService = Service & RegionControl;

const tickMs = 100;

export function createFailoverService(dependencies: FailoverDependencies): FailoverService {
  const controller = new RegionController(dependencies);
  const access = controller.access();
  meterController(dependencies.metrics, access);
  return {
    view: () => controller.loop.view(),
    onChange: (listener) => controller.loop.onChange(listener),
    plugins: {
      public: roleRoutes(access),
      admin: (server, _, done) => {
        void server.register(adminRoutes(access));
        void server.register(operationRoutes(access));
        void server.register(divergedRoutes(access));
        void server.register(tokenRoutes(access));
        void server.register(roleRoutes(access));
        done();
      },
      peer: peerRoutes(access),
    },
    start: () => Promise.resolve(controller.start()),
    drain: () => Promise.resolve(),
    stop: () => controller.stop(),
    readiness: () => Promise.resolve(controller.readiness()),
  };
}

class RegionController {
  readonly loop: ControllerLoop;
  readonly #dependencies: FailoverDependencies;
  readonly #region: RegionConfig;
  readonly #peerClient: PeerClient;
  readonly #stopping = new AbortController();
  readonly #running: Promise<unknown>[] = [];
  readonly #logger: Logger;
  readonly #control;
  readonly #nodeControl;
  readonly #watch: RegionWatch;
  readonly #shown: ShownFacts;
  readonly #schema: SchemaWatch;
  readonly #effects: EffectRunner;
  readonly #diverged: Diverged;
  readonly #topics: TopicKeeper;
  readonly #shared;
  readonly #logLeader;

  constructor(dependencies: FailoverDependencies) {
    const { cluster, secrets, clock } = dependencies;
    const { clusterId } = cluster;
    const region = regionOfConfig(cluster, dependencies.region);
    this.#dependencies = dependencies;
    this.#region = region;
    this.#logger = dependencies.logger.child({ component: 'controller' });
    this.#peerClient = createPeerClient({
      region: region.id,
      clusterId,
      peerKeys: secrets.shared.peerKeys,
    });
    const config = controllerConfigOf(cluster, region, dependencies.config);
    const setup = { cluster, region, logger: this.#logger, clock };
    this.#logLeader = logLeaderPlace(setup, secrets);
    this.#shared = {
      ...{ target: controlTarget(setup), region: region.id, peers: peersOf(setup), clock },
      ...{ client: this.#peerClient, keepMs: dependencies.config.controlKeepMs },
    };
    this.#control = connectControlLog({
      ...this.#shared,
      voters: controlVoters(setup),
      checkUsable: (topic) => this.#topics.checkUsable(topic),
    });
    const agent = { host: region.bind, port: region.agentPort, token: secrets.own.agentToken };
    this.#nodeControl = createPostgresControl(agent);
    const nodeAccess = nodeAccessOf(dependencies);
    this.#watch = new RegionWatch({
      nodeControl: this.#nodeControl,
      access: nodeAccess,
      clock,
      onObservation: (observation) => this.loop.offer(observation),
      onServer: (node) => this.#effects.meet(node),
    });
    const onNodes = { access: nodeAccess, nodes: () => this.#watch.nodes() };
    this.#shown = new ShownFacts({
      ...onNodes,
      broker: { ...this.#logLeader, version: () => this.#nodeControl.kafkaVersion() },
    });
    this.#schema = new SchemaWatch({
      ...{ ...this.#shared, ...onNodes, logger: this.#logger, view: () => this.loop.view() },
      onDifferences: (differences) => this.loop.post({ kind: 'schemaCompared', differences }),
    });
    this.#diverged = new Diverged({
      ...{ ...onNodes, region: region.id, dataLog: dataTarget(setup) },
      placeOf: (id, node) => placeOf(cluster, id, node),
      ownPlaceOf: (node) => ({ ...placeOf(cluster, region.id, node), host: region.bind }),
      primary: () => primaryNode(this.loop.view()),
    });
    this.#effects = new EffectRunner({
      control: this.#control,
      nodeControl: this.#nodeControl,
      access: nodeAccess,
      incarnation: config.incarnation,
      nodes: () => this.#watch.nodes(),
      placeOf: (id, node) => placeOf(cluster, id, node),
      logEnd: () => this.loop.state().replication?.logEnd ?? zeroPosition,
      performOnTail: (effect) => this.#diverged.perform(effect),
    });
    this.#topics = new TopicKeeper(keptTopics(setup, this.#control), this.#logger);
    this.loop = new ControllerLoop(
      this.#loopOptions(config),
      viewOf(initialControllerState(config)),
    );
  }

  start(): void {
    const { signal } = this.#stopping;
    const { clock } = this.#dependencies;
    this.loop.post({ kind: 'started' });
    const tick = () => this.loop.offer({ kind: 'ticked', wallMs: clock.wallMs() });
    const ticking = setInterval(tick, tickMs);
    signal.addEventListener('abort', () => clearInterval(ticking), { once: true });
    const copies = new SlotCopies(nodeAccessOf(this.#dependencies), () => this.#watch.nodes());
    const parts = [this.#watch, this.#shown, this.#schema, this.#topics, copies];
    for (const part of parts) this.#run(part.run(signal));
    const onReport = (report: RegionReport) => this.loop.offer({ kind: 'peerReported', report });
    this.#run(exchangeReports(this.#shared, onReport, signal));
    const [state, storedOffset] = [() => this.loop.state(), () => this.#effects.storedOffset];
    this.#run(keepLogLeader(this.#logLeader, state, signal));
    this.#run(trimControlLog({ ...this.#shared, state, storedOffset }, signal));
    watchReplication(this.#dependencies.replicationStatus, {
      onReport: (report) => this.loop.offer({ kind: 'replicationReported', report }),
      onStore: () => this.#watch.askDatabaseNow(),
      signal,
    });
  }

  /** Ends every loop; the region's parts are left as they are. */
  async stop(): Promise<void> {
    this.#stopping.abort();
    await this.loop.close();
    this.#control.close();
    this.#effects.close();
    this.#diverged.close();
    await Promise.all([...this.#running, this.#nodeControl.close(), this.#peerClient.close()]);
  }

  readiness(): Readiness {
    return controllerReadiness({
      state: this.loop.state().kind,
      why: this.loop.view().why,
      controlSilentMs: this.#dependencies.clock.monotonicMs() - this.#control.log.lastHeardMs(),
      topicProblems: this.#topics.problems(),
    });
  }

  access(): ControllerAccess {
    const { cluster, secrets, clock } = this.#dependencies;
    const { accessKeys, peerKeys } = secrets.shared;
    return {
      ...{ clusterId: cluster.clusterId, region: this.#region.id, regions: cluster.regions },
      logger: this.#logger,
      requireViewer: requireScope('admin:viewer', cluster.clusterId, accessKeys),
      requireOperator: requireScope('admin:operator', cluster.clusterId, accessKeys),
      requireAdmin: requireScope('admin:admin', cluster.clusterId, accessKeys),
      requirePeer: requirePeer(cluster.clusterId, peerKeys),
      ...{ view: () => this.loop.view(), state: () => this.loop.state() },
      storedOffset: () => this.#effects.storedOffset,
      onChange: (listener) => this.loop.onChange(listener),
      ask: (request) => this.loop.ask(request),
      hear: (record) => this.loop.offer({ kind: 'recordAnnounced', record }),
      ...{ nowMs: () => clock.monotonicMs(), wallMs: () => clock.wallMs() },
      ...{ diverged: this.#diverged, relay: this.#control.relay },
      schemaAnswer: (digest) => this.#schema.answer(digest),
      controlProblem: () => this.#control.problem(),
    };
  }

  #loopOptions(config: ControllerConfig): ConstructorParameters<typeof ControllerLoop>[0] {
    return {
      config,
      clock: this.#dependencies.clock,
      logger: this.#logger,
      performOutside: (effect) => this.#effects.run(effect),
      findCheckpoint: () =>
        findCheckpoint({
          ...{ nodeControl: this.#nodeControl, access: nodeAccessOf(this.#dependencies) },
          ...this.#shared,
          log: this.#control,
        }),
      readControl: (from) => this.#readControl(from),
      afterEffect: (lane) => {
        if (lane === 'node') this.#watch.askNow();
        if (lane === 'sql' || lane === 'fence') this.#watch.askDatabaseNow();
      },
      decorate: (view) => this.#shown.completed(view),
      onHalt: (why) => {
        this.#logger.fatal({ why }, 'the controller has stopped: a person must look');
        setImmediate(() => {
          throw new InvariantBroken(why);
        });
      },
    };
  }

  #run(loop: Promise<unknown>): void {
    this.#running.push(loop);
  }

  #readControl(from: LogOffset): void {
    this.#run(
      readControlLog({
        log: this.#control.log,
        from,
        logger: this.#logger,
        signal: this.#stopping.signal,
        onEntry: ({ offset, record }) =>
          this.loop.offer({ kind: 'controlRecordRead', offset, record }),
        onUnreadable: (why) => this.loop.post({ kind: 'controlLogUnreadable', why }),
      }),
    );
  }
}
