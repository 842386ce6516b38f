/** Facts of the region's parts: PostgreSQL's nodes, Kafka's quorum, Redis. */
import {
  kafkaPlaces,
  type ClusterBase,
  type RegionConfig,
} from '../../../../shared/config/cluster-schema.ts';
import type { Secrets } from '../../../../shared/config/secrets-schema.ts';
import { messageOf } from '../../../../shared/errors/meridian-error.ts';
import { describeQuorum } from '../../../../shared/kafka/quorum.ts';
import { ownSessionOptions, withPg, type PgClient } from '../../../../shared/pg/client.ts';
import { failed, type Finding } from '../../core/doctor/finding.ts';
import { judgeServer, type ServerFacts } from '../../core/doctor/judge-postgres.ts';
import { judgeQuorum } from '../../core/doctor/judge-quorum.ts';
import { quorumTarget } from '../../../../shared/kafka/quorum-target.ts';
import { checkExternalKafka } from './kafka-checks.ts';
import { checkRedis } from './redis-checks.ts';

export interface PartsToCheck {
  readonly cluster: ClusterBase;
  readonly region: RegionConfig;
  readonly secrets: Secrets;
}

const answerMs = 3000;

/** Before the start: only what Meridian does not start itself is there already. */
export async function checkExternalParts(parts: PartsToCheck): Promise<Finding[]> {
  const { cluster, region } = parts;
  const found = await Promise.all([
    cluster.kafka.external === undefined ? [] : checkExternalKafka(cluster, region),
    region.redis.external === undefined ? [] : checkRedis(parts),
  ]);
  return found.flat();
}

export async function checkParts(parts: PartsToCheck): Promise<Finding[]> {
  const nodes = parts.region.nodes.map((node) => checkNode(parts, node));
  const { cluster, region } = parts;
  const isForeign = cluster.kafka.external !== undefined;
  const kafka = isForeign ? checkExternalKafka(cluster, region) : checkQuorum(parts);
  const found = await Promise.all([...nodes, kafka, checkRedis(parts)]);
  return found.flat();
}

async function checkNode(
  { cluster, region, secrets }: PartsToCheck,
  node: RegionConfig['nodes'][number],
): Promise<Finding[]> {
  const target = {
    host: region.host,
    port: node.port,
    database: cluster.database,
    user: 'meridian_owner',
    password: secrets.shared.postgres.owner,
    applicationName: 'meridian_doctor',
    // A session that turned event triggers off would find them off.
    options: ownSessionOptions,
    connectTimeoutMs: answerMs,
    statementTimeoutMs: answerMs,
  };
  try {
    return judgeServer(node.id, await withPg(target, readServer));
  } catch (error) {
    const fix = 'see npx meridian status and the logs of that node';
    return [failed(`postgres ${node.id}`, `does not answer: ${messageOf(error)}`, fix)];
  }
}

async function readServer(client: PgClient): Promise<ServerFacts> {
  const names = await client.query<{ name: string; setting: string }>(
    'SELECT name, setting FROM pg_settings',
  );
  const settings = Object.fromEntries(names.rows.map(({ name, setting }) => [name, setting]));
  const about = await client.query<{ super: string; encoding: string }>(
    `SELECT rolsuper AS super, pg_encoding_to_char(d.encoding) AS encoding
     FROM pg_roles r, pg_database d
     WHERE r.rolname = current_user AND d.datname = current_database()`,
  );
  const slots = await client.query<Record<'name' | 'status' | 'active' | 'held' | 'age', string>>(
    `SELECT slot_name AS name, coalesce(wal_status, 'lost') AS status, active,
       coalesce(pg_wal_lsn_diff(CASE WHEN pg_is_in_recovery() THEN pg_last_wal_replay_lsn()
         ELSE pg_current_wal_lsn() END, restart_lsn), 0)::bigint AS held,
       coalesce(age(catalog_xmin), 0) AS age
     FROM pg_replication_slots ORDER BY slot_name`,
  );
  return {
    versionNumber: Number(settings['server_version_num']),
    settings,
    isSuperuser: about.rows[0]?.super === 't',
    encoding: about.rows[0]?.encoding ?? 'unknown',
    slots: slots.rows.map(({ name, status, active, held, age }) => ({
      name,
      status,
      isActive: active === 't',
      heldBytes: Number(held),
      catalogAge: Number(age),
    })),
  };
}

async function checkQuorum({ cluster, region, secrets }: PartsToCheck): Promise<Finding[]> {
  const expected = kafkaPlaces(cluster)
    .filter(({ kafka }) => kafka.isVoter)
    .map(({ id, kafka }) => ({ id, nodeId: kafka.nodeId }));
  const target = quorumTarget({ region, secrets }, 'meridian-doctor');
  try {
    return judgeQuorum(await describeQuorum(target), expected);
  } catch (error) {
    const fix = 'a majority of the voters must be up: start their regions';
    return [failed('kafka quorum', `does not answer: ${messageOf(error)}`, fix)];
  }
}
