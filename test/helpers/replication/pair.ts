/**
 * Two PostgreSQL servers and what stands between them, in this process: slot reader, assembler,
 * packed records, applier. No log and no link: quick to start, for what capture and applier decide.
 */
import { openSlot, type SlotReader } from '../../../services/replicator/io/slot-reader.ts';
import { Applier } from '../../../services/replicator/io/applier.ts';
import { ApplyQueue } from '../../../services/replicator/io/apply/apply-queue.ts';
import {
  initialAssembler,
  stepAssembler,
} from '../../../services/replicator/core/transaction-assembler.ts';
import type { Epoch } from '../../../shared/core/epoch.ts';
import { zeroLsn } from '../../../shared/core/lsn.ts';
import type { RegionId } from '../../../shared/core/region.ts';
import { heldBytesOf } from '../../../shared/core/commit-record.ts';
import { messageOf } from '../../../shared/errors/meridian-error.ts';
import { connectPg, type PgClient } from '../../../shared/pg/client.ts';
import { packRecord, unpackRecord } from '../../../shared/runtime/record-packing.ts';
import { eventually } from '../eventually.ts';
import {
  openToApplications,
  publish,
  startTestServer,
  testAddress,
  type TestServer,
} from '../postgres.ts';

export interface ReplicatedPair {
  readonly source: TestServer;
  readonly target: TestServer;
  /** A session of the application on the source. */
  readonly app: PgClient;
  /** Waits until the target has all that is committed; throws what stopped it. */
  caughtUp(deadlineMs?: number): Promise<void>;
  stop(): Promise<void>;
}

export interface PairOptions {
  readonly chunkBytesMax?: number;
  readonly groupTransactionsMax?: number;
  readonly groupBytesMax?: number;
}

const epoch = 1 as Epoch;

/** Starts both servers and the replication from one to the other. */
export async function startPair(options: PairOptions = {}): Promise<ReplicatedPair> {
  const address = testAddress(2);
  const source = await startTestServer(address);
  const target = await startTestServer(address.replace(/\.2$/, '.3'));
  await publish(source);
  await source.query(`SELECT pg_create_logical_replication_slot('meridian_1', 'pgoutput')`);
  await openToApplications(source);
  await target.query(
    `UPDATE meridian_local.fence SET incarnation = 'i', sealed_epoch = 1;
     INSERT INTO meridian_local.progress (epoch, end_lsn, store) VALUES (1, '0/0', 'pair')`,
  );
  const queue = new ApplyQueue(64 * 1024 * 1024);
  const reader = await readInto(source, queue, options);
  const applier = await Applier.connect({
    pg: target.target('meridian_applier'),
    fenceEpoch: epoch,
    incarnation: 'i',
    cuts: () => ({ history: [], uptoEpoch: epoch }),
    groupTransactionsMax: options.groupTransactionsMax ?? 2000,
    onApplied: () => undefined,
  });
  let failure: string | null = null;
  const applying = applyAll(applier, queue, options).catch((error: unknown) => {
    failure = messageOf(error);
  });
  const app = await connectPg(source.target('app'));
  await app.query('SET synchronous_commit = local');
  return {
    ...{ source, target, app },
    async caughtUp(deadlineMs = 20_000) {
      const key = `mark-${Math.random()}`;
      await source.query(
        `INSERT INTO meridian.idempotency (key, caller, request_hash, reply)
         VALUES ($1, '', '', '{}')`,
        [key],
      );
      const find = 'SELECT 1 FROM meridian.idempotency WHERE key = $1';
      const isThere = async (): Promise<boolean> => {
        if (failure !== null) throw new Error(failure);
        return (await target.query(find, [key])).length > 0;
      };
      await eventually(isThere, { deadlineMs, intervalMs: 10 });
    },
    async stop() {
      await app.end();
      reader.close();
      queue.fail(new Error('ended'));
      await applying;
      await applier.close();
      await Promise.all([source.stop(), target.stop()]);
    },
  };
}

async function readInto(
  source: TestServer,
  queue: ApplyQueue,
  { chunkBytesMax = 1024 * 1024 }: PairOptions,
): Promise<SlotReader> {
  const origin = 'eu-west' as RegionId;
  let assembler = initialAssembler({ epoch, origin, chunkBytesMax, lastEndLsn: zeroLsn });
  const positions = { write: zeroLsn, flush: zeroLsn, apply: zeroLsn };
  const slot = { slot: 'meridian_1', publication: 'meridian_1', walsenderName: 'pair' };
  const pg = source.target('meridian_replicator');
  return openSlot(
    { pg, ...slot, startLsn: zeroLsn, positions },
    {
      onData(messages) {
        const step = stepAssembler(assembler, { kind: 'messagesRead', messages });
        if (step.malformed !== null) return queue.fail(new Error(step.malformed));
        assembler = step.state;
        for (const made of step.records) {
          const bytes = packRecord(made);
          const record = unpackRecord(bytes);
          if (record.kind === 'malformed') return queue.fail(new Error(record.why));
          const item = { record, byteLength: heldBytesOf(record), logged: Promise.resolve() };
          queue.put(item).catch(() => undefined);
        }
      },
      onKeepalive: () => undefined,
    },
  );
}

async function applyAll(
  applier: Applier,
  queue: ApplyQueue,
  { groupBytesMax = 4 * 1024 * 1024 }: PairOptions,
): Promise<void> {
  for (;;) {
    const items = await queue.take(groupBytesMax);
    if (items === null) return;
    await applier.apply(items, !queue.isEmpty);
  }
}
