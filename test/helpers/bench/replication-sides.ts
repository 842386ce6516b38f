/**
 * What `bench:replication` compares: Meridian's replicators and PostgreSQL's own logical
 * replication, each with one source and one target of the same settings and no standbys.
 */
import type { ClusterView } from '../../../shared/core/cluster-view.ts';
import { withPg } from '../../../shared/pg/client.ts';
import { eventually } from '../eventually.ts';
import { openToApplications, startTestServer, testAddress, type TestServer } from '../postgres.ts';
import { reached, startHandClusterWith } from '../replication/hand-cluster.ts';

export interface Side {
  readonly name: 'meridian' | 'postgresql';
  readonly source: TestServer;
  readonly target: TestServer;
  /** Makes tables that replicate from now on. */
  makeTables(sql: string): Promise<void>;
  /** Nothing is decoded, sent or applied until `resume`. */
  pause(): Promise<void>;
  resume(): Promise<void>;
  stop(): Promise<void>;
}

/** Printed with the figures: what both sides' servers run with beyond infra/postgres. */
export const serverSettings: Readonly<Record<string, string>> = {
  shared_buffers: '128MB',
  max_wal_size: '2GB',
  logical_decoding_work_mem: '64MB',
  max_logical_replication_workers: '6',
};

/** Two replicator processes, one Kafka broker for both logs; `oneWayMs`: delay of the link. */
export async function startMeridianSide(oneWayMs?: number): Promise<Side> {
  const cluster = await startHandClusterWith({
    ...{ count: 2, settings: serverSettings },
    ...(oneWayMs === undefined ? {} : { oneWayMs }),
  });
  const [replica] = cluster.replicas;
  if (replica === undefined) throw new Error('there is no second region');
  const { primary } = cluster;
  const [leading, following] = [primary.view(), replica.view()];
  const idle: Partial<ClusterView> = { replication: { kind: 'idle', why: 'bench' } };
  return {
    name: 'meridian',
    source: primary.server,
    target: replica.server,
    async makeTables(sql) {
      await primary.server.query(sql);
      await cluster.caughtUp(replica);
    },
    async pause() {
      replica.set(idle);
      primary.set(idle);
      await Promise.all([reached(primary, 'idle', 'done'), reached(replica, 'idle', 'done')]);
    },
    async resume() {
      primary.set(leading);
      replica.set(following);
      await Promise.resolve();
    },
    stop: () => cluster.stop(),
  };
}

/** A subscription in its best setting: binary, large transactions applied in parallel. */
export async function startPostgresSide(): Promise<Side> {
  const address = testAddress(2);
  const source = await startTestServer(address, serverSettings);
  const target = await startTestServer(address.replace(/\.2$/, '.3'), serverSettings);
  await openToApplications(source);
  const run = (server: TestServer, sql: string): Promise<unknown> =>
    withPg(
      { ...server.target(), options: '-c synchronous_commit=local -c event_triggers=off' },
      (client) => client.query(sql),
    );
  await run(source, 'CREATE PUBLICATION bench FOR TABLES IN SCHEMA public');
  await run(
    target,
    `CREATE SUBSCRIPTION bench CONNECTION 'host=${source.address} dbname=app user=meridian_owner'
     PUBLICATION bench WITH (binary = true, streaming = parallel, copy_data = false)`,
  );
  const workers = `SELECT 1 FROM pg_stat_subscription WHERE subname = 'bench' AND pid IS NOT NULL`;
  return {
    ...{ name: 'postgresql', source, target },
    async makeTables(sql) {
      await run(source, sql);
      await run(target, sql);
      await run(target, 'ALTER SUBSCRIPTION bench REFRESH PUBLICATION WITH (copy_data = false)');
    },
    async pause() {
      await run(target, 'ALTER SUBSCRIPTION bench DISABLE');
      await eventually(async () => (await target.query(workers)).length === 0);
    },
    async resume() {
      await run(target, 'ALTER SUBSCRIPTION bench ENABLE');
    },
    async stop() {
      await Promise.all([source.stop(), target.stop()]);
    },
  };
}
