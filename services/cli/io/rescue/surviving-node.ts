/** The PostgreSQL node of a stopped region, started for Meridian alone: what it holds, a rescue. */
import { CliError } from '../../core/cli-error.ts';
import type { SurvivingData } from '../../core/rescue/rescued-state.ts';
import {
  dataStateOf,
  isStandbyData,
  nodeFolder,
  readRecord,
  type NodeFolder,
} from '../../../local/postgres/node-folder.ts';
import { withOneServer } from '../../../local/postgres/one-server.ts';
import type { RegionContext } from '../../../local/region-context.ts';
import { nodeName } from '../../../local/region-paths.ts';
import {
  decodeControlState,
  encodeControlState,
} from '../../../../shared/core/control/control-state-codec.ts';
import type { ControlState } from '../../../../shared/core/control/control-state.ts';
import { parseEpoch } from '../../../../shared/core/epoch.ts';
import { formatLsn, parseLsn } from '../../../../shared/core/lsn.ts';
import type { NodeId } from '../../../../shared/core/node.ts';
import type { Position } from '../../../../shared/core/position.ts';
import type { PgClient } from '../../../../shared/pg/client.ts';
import { quoteIdent } from '../../../../shared/pg/quote.ts';

export interface SurvivingNode {
  readonly data: SurvivingData;
  /** When the newest commit of the history was made; null when it is not known. */
  readonly commitTime: string | null;
  /** Makes the data those of a new cluster's first region. One transaction. */
  rescue(state: ControlState, position: Position): Promise<void>;
}

interface OwnNode {
  readonly node: NodeId;
  readonly port: number;
  readonly folder: NodeFolder;
}

/** Starts the region's own node isolated, hands it to `work`, stops it. */
export function withSurvivingNode<T>(
  context: RegionContext,
  work: (node: SurvivingNode) => Promise<T>,
): Promise<T> {
  const own = ownNode(context);
  const { database } = context.cluster;
  return withOneServer(context, { ...own, isRecovering: false }, (server) =>
    server.query(database, async (client) => work(await openNode(client, context))),
  );
}

function ownNode(context: RegionContext): OwnNode {
  const { region, paths } = context;
  const servers = region.nodes
    .map(({ id, port }) => ({
      node: id,
      port,
      folder: nodeFolder(paths.postgresFolder, nodeName(id)),
    }))
    .filter(({ folder }) => dataStateOf(folder) === 'ready' && !isStandbyData(folder));
  const last = servers.find(({ folder }) => readRecord(folder)?.lastMode === 'normal');
  const own = last ?? servers[0];
  if (own !== undefined) return own;
  throw new CliError(`${region.id} has no complete data of its own in ${paths.postgresFolder}.`, {
    hint: 'Rescue another region, or bring back the data of its node pg-1.',
  });
}

async function openNode(client: PgClient, context: RegionContext): Promise<SurvivingNode> {
  const { rows } = await client.query<Record<string, string | null>>(factsSql);
  const row = rows[0] ?? {};
  const walEnd = parseLsn(row['wal_end'] ?? '');
  const owner = row['region'] ?? '';
  if (walEnd === null || owner !== context.region.id) {
    throw new CliError(`The data are of region ${owner}, not of ${context.region.id}.`);
  }
  const data: SurvivingData = {
    region: context.region.id,
    checkpoint: row['state'] ? readState(row['state']) : null,
    progress: positionOf(row),
    sealedEpoch: Number(row['sealed_epoch']),
    lastOpenedEpoch: Number(row['last_opened_epoch']),
    walEnd,
  };
  return {
    data,
    commitTime: row['commit_time'] ?? null,
    rescue: (state, position) => rescue(client, state, position),
  };
}

const factsSql = `SELECT f.region, f.sealed_epoch::text, f.last_opened_epoch::text,
    p.epoch::text, p.end_lsn::text, p.commit_time::text, c.state::text,
    pg_current_wal_flush_lsn()::text AS wal_end
  FROM meridian_local.fence f LEFT JOIN meridian_local.progress p ON true
    LEFT JOIN meridian_local.checkpoint c ON true`;

function readState(text: string): ControlState {
  const decoded = decodeControlState(text);
  if (decoded.kind === 'state') return decoded.state;
  throw new CliError(`The stored control state cannot be read: ${decoded.why}.`, {
    hint: 'Run the version of Meridian that ran here last.',
  });
}

function positionOf(row: Readonly<Record<string, string | null>>): Position | null {
  const epoch = parseEpoch(Number(row['epoch'] ?? NaN));
  const endLsn = parseLsn(row['end_lsn'] ?? '');
  return epoch === null || endLsn === null ? null : { epoch, endLsn };
}

async function rescue(client: PgClient, state: ControlState, position: Position): Promise<void> {
  await client.query('BEGIN');
  await client.query(
    `UPDATE meridian_local.fence SET incarnation = '', open_epoch = NULL, opened_start = NULL,
       opened_checkpointer = NULL, last_opened_epoch = 0, last_opened_timeline = 0`,
  );
  await client.query('UPDATE meridian_local.progress SET epoch = $1, end_lsn = $2', [
    position.epoch,
    formatLsn(position.endLsn),
  ]);
  await client.query('DELETE FROM meridian_local.checkpoint');
  await client.query('INSERT INTO meridian_local.checkpoint (next_offset, state) VALUES (0, $1)', [
    encodeControlState(state),
  ]);
  const { rows } = await client.query<{ pubname: string }>(
    `SELECT pubname FROM pg_publication WHERE pubname ~ '^meridian_[0-9]+$'`,
  );
  for (const { pubname } of rows) {
    await client.query(`DROP PUBLICATION ${quoteIdent(pubname)}`);
  }
  await client.query('COMMIT');
  await client.query(`SELECT pg_drop_replication_slot(slot_name) FROM pg_replication_slots
    WHERE slot_type = 'logical' AND slot_name ~ '^meridian_[0-9]+$' AND NOT active`);
}
