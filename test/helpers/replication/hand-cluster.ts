/**
 * Regions without controllers: a PostgreSQL server and a replicator process each, one Kafka broker
 * for all logs, and the test in the controller's place.
 */
import { spawn, type ChildProcess } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { createInterface } from 'node:readline';
import type { ClusterView, ReplicationDirective } from '../../../shared/core/cluster-view.ts';
import type { Promotion } from '../../../shared/core/control/control-state.ts';
import type { Epoch } from '../../../shared/core/epoch.ts';
import { zeroPosition } from '../../../shared/core/position.ts';
import type { RegionId } from '../../../shared/core/region.ts';
import type { ReplicationReport } from '../../../shared/core/replication-report.ts';
import { fromWireJson, toWireJson } from '../../../shared/http/wire-json.ts';
import type { ClusterBase } from '../../../shared/config/cluster-schema.ts';
import { linkIdentityOf } from '../../../shared/config/security.ts';
import { installLinkIdentity } from '../../../shared/runtime/link-security.ts';
import { isUsuallySecured } from '../cluster/usual-security.ts';
import { eventually } from '../eventually.ts';
import { startTestKafka, type TestKafka } from '../kafka.ts';
import {
  openToApplications,
  publish,
  startTestServer,
  testAddress,
  type TestServer,
} from '../postgres.ts';
import { delayLinks } from './delayed-links.ts';
import {
  makeHandSecurity,
  securedBroker,
  securedServer,
  type HandSecurity,
} from './hand-security.ts';
import { handCluster, handSecrets, type ReplicatorSpec } from './replicator.ts';

export interface HandRegion {
  readonly id: RegionId;
  readonly server: TestServer;
  /** Latest report of the running process. */
  report(): ReplicationReport | null;
  set(change: Partial<ClusterView>): void;
  /** What `set` has told it so far. */
  view(): Partial<ClusterView>;
  /** Starts the process, with failpoints armed if any, and repeats the last view to it. */
  start(failpoints?: string): Promise<void>;
  kill(): Promise<void>;
  /** Stops the process where it is, its connections open, until `thaw`. */
  freeze(): void;
  thaw(): void;
  /** Largest resident memory of the process so far, in bytes. */
  peakBytes(): number;
  /** Resolves when the process has ended by itself. */
  ended(): Promise<void>;
}

export interface HandCluster {
  readonly cluster: ClusterBase;
  readonly kafka: TestKafka;
  readonly primary: HandRegion;
  readonly replicas: readonly HandRegion[];
  readonly regions: readonly HandRegion[];
  /** Waits until `replica` has applied everything the primary has committed by now. */
  caughtUp(replica: HandRegion, deadlineMs?: number): Promise<void>;
  stop(): Promise<void>;
}

const names = ['eu-west', 'us-east', 'ap-south'] as const;
const e1 = 1 as Epoch;
const script = new URL('./replicator-process.ts', import.meta.url).pathname;

export interface HandClusterOptions {
  readonly count: number;
  /** The replicator's section of the cluster file. */
  readonly config?: Readonly<Record<string, unknown>>;
  /** Settings of the PostgreSQL servers. */
  readonly settings?: Readonly<Record<string, string>>;
  /** Region links cross proxies that delay each direction; not set: there are none. */
  readonly oneWayMs?: number;
  /** Mode tls, not beside `oneWayMs`; the process of the test speaks for the first region. */
  readonly isSecured?: boolean;
}

/** Brings up `count` regions; the first leads epoch 1, the others follow it and are members. */
export async function startHandCluster(
  count: number,
  config: Readonly<Record<string, unknown>> = {},
  settings: Readonly<Record<string, string>> = {},
): Promise<HandCluster> {
  return startHandClusterWith({ count, config, settings, isSecured: isUsuallySecured });
}

/** What was started is ended again when a later part does not start. */
export async function startHandClusterWith(options: HandClusterOptions): Promise<HandCluster> {
  const endings: (() => unknown)[] = [];
  const stop = async (): Promise<void> => {
    for (const end of endings.splice(0).toReversed()) await end();
  };
  try {
    return { ...(await startParts(options, endings)), stop };
  } catch (error) {
    await stop();
    throw error;
  }
}

async function startParts(
  options: HandClusterOptions,
  endings: (() => unknown)[],
): Promise<Omit<HandCluster, 'stop'>> {
  const { count, config = {}, settings = {}, oneWayMs = null, isSecured = false } = options;
  const ids = names.slice(0, count);
  const first = testAddress(2);
  const addresses = ids.map((_, index) => first.replace(/\.\d+$/, `.${index + 2}`));
  const clusterWith = (hosts: readonly string[]): ClusterBase =>
    handCluster(
      Object.fromEntries(ids.map((id, index) => [id, hosts[index] ?? ''])),
      isSecured ? 'tls' : 'plain',
    );
  const cluster = clusterWith(addresses);
  const security = isSecured ? await makeHandSecurity(cluster) : null;
  speakFor(cluster, security);
  endings.push(() => {
    security?.remove();
    installLinkIdentity(null);
  });
  const kafkaStarted = startTestKafka(1, {
    firstAddress: first,
    ...(security === null ? {} : { properties: securedBroker(security.files(ids[0] ?? '')) }),
  });
  endings.push(() => kafkaStarted.then((kafka) => kafka.stop()).catch(() => undefined));
  const servers: TestServer[] = [];
  endings.push(() => Promise.all(servers.map((server) => server.stop())));
  for (const [index, address] of addresses.entries()) {
    const own = security === null ? {} : securedServer(security.files(ids[index] ?? ''));
    servers.push(await startTestServer(address, { ...settings, ...own }));
  }
  const kafka = await kafkaStarted;
  const links = oneWayMs === null ? null : await delayLinks(addresses, oneWayMs);
  endings.push(() => links?.close());
  const regions = servers.map((server, index) => {
    const seen = links === null ? cluster : clusterWith(links.hostsSeenBy(index));
    const region = ids[index] as unknown as RegionId;
    const certified = security === null ? {} : { certified: security.of(region) };
    const spec = { cluster: seen, brokers: kafka.addresses, config, region, ...certified };
    return regionOf(spec, server);
  });
  endings.push(() => Promise.all(regions.map((region) => region.kill())));
  const [primary, ...replicas] = regions;
  if (primary === undefined) throw new RangeError('a cluster has at least one region');
  await Promise.all(regions.map((region) => region.start()));
  await openFirstEpoch(primary, replicas);
  return {
    ...{ cluster, kafka, primary, replicas, regions },
    caughtUp: (replica, deadlineMs = 10_000) => caughtUp(primary, replica, deadlineMs),
  };
}

function speakFor(cluster: ClusterBase, security: HandSecurity | null): void {
  const [first] = cluster.regions;
  if (security === null || first === undefined) return;
  installLinkIdentity(linkIdentityOf(cluster, handSecrets(first.id, security.of(first.id))));
}

/** Waits for `phase` of a directive of that kind. */
export async function reached(
  region: HandRegion,
  kind: ReplicationDirective['kind'],
  phase: ReplicationReport['phase'],
): Promise<ReplicationReport> {
  return eventually(
    () => {
      const report = region.report();
      return report?.directive.kind === kind && report.phase === phase ? report : null;
    },
    { deadlineMs: 30_000 },
  );
}

async function openFirstEpoch(primary: HandRegion, replicas: readonly HandRegion[]): Promise<void> {
  const all = [primary, ...replicas];
  const seal: ReplicationDirective = {
    kind: 'complete',
    epoch: 0 as Epoch,
    sealEpoch: e1,
    isOpener: false,
    walEnd: null,
  };
  for (const { server, set } of all) {
    await server.query(`UPDATE meridian_local.fence SET incarnation = 'i', sealed_epoch = 1`);
    set({ replication: seal });
  }
  await Promise.all(all.map((region) => reached(region, 'complete', 'done')));
  const walsenderName = `meridian_${primary.id.replaceAll('-', '_')}_1`;
  const { server } = primary;
  await publish(server);
  await server.query(
    `SELECT pg_create_logical_replication_slot('meridian_1', 'pgoutput', false, false, true)`,
  );
  await server.query(`UPDATE meridian_local.progress SET epoch = 1, end_lsn = '0/0'`);
  await server.query(`ALTER SYSTEM SET synchronous_standby_names = '${walsenderName}'`);
  await server.query('SELECT pg_reload_conf()');
  await openToApplications(server);
  const members = replicas.map(({ id, report }) => ({ region: id, store: report()?.store ?? '' }));
  const folded = { epoch: e1, primary: primary.id, history: [promotionOf(primary)], members };
  primary.set({
    ...folded,
    isOpen: true,
    role: 'primary',
    replication: {
      kind: 'lead',
      epoch: e1,
      cut: zeroPosition,
      timeline: 1,
      ...{ slot: 'meridian_1', publication: 'meridian_1', walsenderName, isOpen: true },
    },
  });
  for (const replica of replicas) {
    replica.set({ ...folded, replication: { kind: 'follow', epoch: e1, source: primary.id } });
  }
  await reached(primary, 'lead', 'running');
  await Promise.all(replicas.map((replica) => reached(replica, 'follow', 'running')));
}

function promotionOf(primary: HandRegion): Promotion {
  return {
    ...{ epoch: e1, cut: zeroPosition, to: primary.id, source: primary.id, safe: zeroPosition },
    ...{ store: primary.report()?.store ?? '', from: null, change: 'failover', attempt: 1 },
    ...{ isForced: false, isQuick: true, operation: null, why: 'by hand' },
  };
}

async function caughtUp(
  primary: HandRegion,
  replica: HandRegion,
  deadlineMs: number,
): Promise<void> {
  const mark = `mark-${Math.random()}`;
  await primary.server.query(
    `INSERT INTO meridian.idempotency (key, caller, request_hash, reply) VALUES ($1, '', '', '{}')`,
    [mark],
  );
  await eventually(
    async () => {
      const rows = await replica.server.query('SELECT 1 FROM meridian.idempotency WHERE key = $1', [
        mark,
      ]);
      return rows.length > 0;
    },
    { deadlineMs },
  );
}

function regionOf(spec: ReplicatorSpec, server: TestServer): HandRegion {
  let child: ChildProcess | null = null;
  let report: ReplicationReport | null = null;
  let ended: Promise<void> = Promise.resolve();
  let view: Partial<ClusterView> = {};
  const send = (change: Partial<ClusterView>): void => {
    child?.stdin?.write(`${toWireJson(change)}\n`);
  };
  return {
    id: spec.region,
    server,
    report: () => report,
    set(change) {
      view = { ...view, ...change };
      send(change);
    },
    view: () => view,
    async start(failpoints = '') {
      report = null;
      const started = spawn(process.execPath, [script, toWireJson(spec)], {
        stdio: ['pipe', 'pipe', process.env['TEST_LOG'] === undefined ? 'ignore' : 'inherit'],
        env: { ...process.env, MERIDIAN_FAILPOINTS: failpoints },
      });
      child = started;
      ended = new Promise((resolve) => started.once('exit', () => resolve()));
      started.stdin.on('error', () => undefined);
      createInterface({ input: started.stdout }).on('line', (line) => {
        if (line.startsWith('{"directive"')) report = fromWireJson(line) as ReplicationReport;
        else if (process.env['TEST_LOG'] !== undefined) process.stderr.write(`${line}\n`);
      });
      await eventually(() => report !== null, { deadlineMs: 90_000 });
      if (Object.keys(view).length > 0) send(view);
    },
    async kill() {
      child?.kill('SIGKILL');
      await ended;
    },
    freeze: () => void child?.kill('SIGSTOP'),
    thaw: () => void child?.kill('SIGCONT'),
    peakBytes() {
      const status = readFileSync(`/proc/${String(child?.pid)}/status`, 'utf8');
      return Number(/VmHWM:\s+(\d+) kB/.exec(status)?.[1]) * 1024;
    },
    ended: () => ended,
  };
}
