/** Reads what a cluster at rest has in its logs, each region's through that region alone. */
import { createHash } from 'node:crypto';
import { pino } from 'pino';
import type { CommitRecord } from '../../../shared/core/commit-record.ts';
import type { LogOffset } from '../../../shared/core/log-offset.ts';
import { parsePosition } from '../../../shared/core/position.ts';
import { createPeerClient } from '../../../shared/http/peer-client.ts';
import { createDataLog } from '../../../shared/kafka/data-log.ts';
import { dataTopicOf } from '../../../shared/kafka/topic.ts';
import { installHostResolver } from '../../../shared/runtime/host-resolver.ts';
import { internalOrigin } from '../../../shared/runtime/link-security.ts';
import { systemClock } from '../../../shared/runtime/system-clock.ts';
import type { TestCluster } from '../../helpers/cluster.ts';
import { asRegion } from '../../helpers/cluster/as-region.ts';
import { eventually } from '../../helpers/eventually.ts';
import {
  placeOf,
  type ControlReading,
  type Cuts,
  type LoggedEntry,
  type LogPlace,
  type RegionLog,
} from '../checkers/log-order.ts';

export interface ClusterLogs {
  readonly logs: readonly RegionLog[];
  readonly cuts: Cuts;
  readonly control: readonly ControlReading[];
}

/** All logs, once every region has the primary's last transaction. */
export async function readLogs(cluster: TestCluster): Promise<ClusterLogs> {
  installHostResolver(cluster.config.hosts);
  const logs = await readAtRest(cluster);
  // Afterwards: an epoch that began meanwhile has its cut.
  const cuts = await readCuts(cluster);
  const offset = await controlEnd(cluster);
  const control = cluster.regionIds.map((region) => readControl(cluster, { region, offset }));
  return { logs, cuts, control: await Promise.all(control) };
}

/** The data logs once all end alike; as they are when they do not within 30 s. */
async function readAtRest(cluster: TestCluster): Promise<readonly RegionLog[]> {
  const readings: (readonly RegionLog[])[] = [];
  let refusal: unknown = null;
  const isAtRest = async (): Promise<boolean> => {
    const read = cluster.regionIds.map((region) => readRegionLog(cluster, region));
    // A broker that has just come back may refuse.
    const logs = await Promise.all(read).catch((error: unknown) => {
      refusal = error;
      return null;
    });
    if (logs === null) return false;
    readings.push(logs);
    return new Set(logs.map(({ entries }) => nameOf(entries.at(-1)))).size === 1;
  };
  await eventually(isAtRest, { deadlineMs: 30_000, intervalMs: 1000 }).catch(() => undefined);
  const last = readings.at(-1);
  if (last === undefined) throw new Error('the logs cannot be read', { cause: refusal });
  return last;
}

/** Where each epoch before the present one ended. */
export async function readCuts(cluster: TestCluster): Promise<Cuts> {
  const { items } = await cluster.admin(cluster.regionIds[0] ?? '', '/admin/history');
  return (items as { epoch: number; cut: string }[]).map(({ epoch, cut }) => ({
    epoch,
    cut: placeOf(parsePosition(cut)) ?? { epoch: 0, lsn: 0n },
  }));
}

async function readRegionLog(
  cluster: TestCluster,
  region: TestCluster['regionIds'][number],
): Promise<RegionLog> {
  const { bind, kafka } = cluster.region(region);
  const log = createDataLog({
    brokers: [`${bind}:${kafka?.clientPort ?? 9092}`],
    clientId: 'fault',
    topic: dataTopicOf(cluster.config.cell, region),
    logger: pino({ level: 'silent' }),
    clock: systemClock,
  });
  const collector = new Collector();
  // First: what is applied meanwhile is in the log, too.
  const applied = await appliedPlace(cluster, region);
  const readAll = async (): Promise<void> => {
    const { start } = await log.bounds();
    collector.isCutShort = start > 0n;
    const signal = AbortSignal.timeout(60_000);
    for await (const { record } of log.read(start, { follow: false, signal })) {
      collector.take(record);
    }
  };
  await asRegion(cluster, region, readAll).finally(() => log.close());
  const { entries } = collector;
  return { region, entries, seededAt: collector.begins, applied };
}

/** Joins the parts of large transactions, one at a time as the log has them. */
class Collector {
  readonly entries: LoggedEntry[] = [];
  /** Whether older records were deleted. */
  isCutShort = false;
  #seededAt: LogPlace | null = null;
  #store: string | null = null;
  #large: { readonly xid: number; next: number; readonly messages: Uint8Array[] } | null = null;

  /** Up to where the log need not hold everything; null: it has all of the history. */
  get begins(): LogPlace | null {
    return this.#seededAt ?? (this.isCutShort ? (this.entries[0] ?? null) : null);
  }

  take(record: CommitRecord): void {
    const { epoch } = record;
    if (record.kind === 'transactions') {
      for (const { xid, prevEndLsn, endLsn, commitTimeUs, messages } of record.transactions) {
        const digest = digestOf([xid, commitTimeUs], messages);
        this.entries.push({ epoch, lsn: endLsn, prevLsn: prevEndLsn, digest });
      }
    } else if (record.kind === 'epoch-start') {
      const { cut } = record;
      const digest = digestOf([cut.epoch, cut.endLsn], []);
      this.entries.push({ epoch, lsn: 0n, prevLsn: null, digest });
    } else if (record.kind === 'chunk') this.#takePart(record);
    else if (record.kind === 'seed' && this.#store !== record.store) {
      // Later ones of the same store are repeated before older records are deleted.
      this.#store = record.store;
      this.#seededAt = placeOf(record.position);
    }
  }

  #takePart(record: Extract<CommitRecord, { kind: 'chunk' }>): void {
    const { epoch, xid, part, isLast, prevEndLsn, endLsn, commitTimeUs } = record;
    if (part === 0) this.#large = { xid, next: 0, messages: [] };
    const large = this.#large;
    // Parts sent again; one that nothing begins belongs to what was cut off.
    if (large?.xid !== xid || part !== large.next) return;
    large.next += 1;
    large.messages.push(...record.messages);
    if (!isLast || endLsn === null) return;
    const digest = digestOf([xid, commitTimeUs], large.messages);
    this.entries.push({ epoch, lsn: endLsn, prevLsn: prevEndLsn, digest });
    this.#large = null;
  }
}

function digestOf(facts: readonly (number | bigint)[], messages: readonly Uint8Array[]): string {
  const hash = createHash('sha256').update(facts.join(' '));
  for (const message of messages) hash.update(`/${message.byteLength}/`).update(message);
  return hash.digest('hex').slice(0, 16);
}

/** Null for the primary, whose position is that of its WAL. */
async function appliedPlace(cluster: TestCluster, region: string): Promise<LogPlace | null> {
  const told = await cluster.admin(region, `/admin/regions/${region}`);
  const { role, position } = told;
  if (role === 'primary' || typeof position !== 'string') return null;
  return placeOf(parsePosition(position));
}

async function controlEnd(cluster: TestCluster): Promise<LogOffset> {
  const { records } = await readControl(cluster, {
    region: cluster.regionIds[0] ?? '',
    offset: null,
  });
  return (records.at(-1)?.offset ?? 0n) as LogOffset;
}

/** What `region` has read of the control topic, up to `offset` or to where it is now. */
async function readControl(
  cluster: TestCluster,
  { region, offset }: { readonly region: string; readonly offset: LogOffset | null },
): Promise<ControlReading> {
  const { bind, listeners } = cluster.region(region);
  const { clusterId } = cluster.config;
  const { peerKeys } = cluster.secrets(region).shared;
  const [first] = cluster.regionIds;
  if (first === undefined) throw new RangeError('no region');
  const client = createPeerClient({ region: first, clusterId, peerKeys });
  const records: { offset: bigint; text: string }[] = [];
  try {
    const isDone = async (): Promise<boolean> => {
      const from = (records.at(-1)?.offset ?? -1n) + 1n;
      const path = `/peer/control-log?from=${from}&waitMs=0`;
      const call = { method: 'GET', path, timeoutMs: 10_000 } as const;
      const { status, body } = await client.request(internalOrigin(bind, listeners.peer), call);
      if (status !== 200) throw new Error(`${region}: ${body}`);
      const { entries } = JSON.parse(body) as { entries: { offset: string; record: string }[] };
      for (const entry of entries) {
        const place = BigInt(entry.offset);
        if (offset === null || place <= offset) records.push({ offset: place, text: entry.record });
      }
      if (offset === null) return entries.length === 0;
      return (records.at(-1)?.offset ?? -1n) >= offset;
    };
    await eventually(isDone, { deadlineMs: 30_000, intervalMs: 20 });
  } finally {
    await client.close();
  }
  return { region, records };
}

function nameOf(place: LogPlace | undefined): string {
  return place === undefined ? 'nothing' : `${place.epoch}:${place.lsn}`;
}
