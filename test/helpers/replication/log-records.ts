/** Records of a data log in their shortest forms, and what a test looks at in those it reads. */
import { endPositionOf, type CommitRecord } from '../../../shared/core/commit-record.ts';
import type { Epoch } from '../../../shared/core/epoch.ts';
import type { Lsn } from '../../../shared/core/lsn.ts';
import type { Position } from '../../../shared/core/position.ts';
import type { RegionId } from '../../../shared/core/region.ts';
import type { DataLogEntry } from '../../../shared/ports/data-log.ts';
import { packRecord } from '../../../shared/runtime/record-packing.ts';

const region = 'eu-west' as RegionId;

export function smallAt(lsn: number): CommitRecord {
  const [prevEndLsn, endLsn] = [BigInt(lsn - 1) as Lsn, BigInt(lsn) as Lsn];
  const transaction = { xid: lsn, prevEndLsn, endLsn, commitTimeUs: BigInt(lsn), messages: [] };
  return { kind: 'transactions', epoch: 1 as Epoch, origin: region, transactions: [transaction] };
}

export function idleAt(lsn: number): Uint8Array {
  const record: CommitRecord = {
    kind: 'idle',
    epoch: 1 as Epoch,
    origin: region,
    lsn: BigInt(lsn) as Lsn,
    timeUs: 0n,
  };
  return packRecord(record);
}

export function committed(lsn: number): Uint8Array {
  const endLsn = BigInt(lsn) as Lsn;
  const transaction = { xid: lsn, prevEndLsn: (endLsn - 10n) as Lsn, endLsn };
  const transactions = [{ ...transaction, commitTimeUs: 0n, messages: [] }];
  return packRecord({ kind: 'transactions', epoch: 1 as Epoch, origin: region, transactions });
}

export function seedAt(lsn: number): Uint8Array {
  const head = { kind: 'seed', epoch: 1 as Epoch, origin: region } as const;
  return packRecord({ ...head, position: positionAt(lsn), store: 'a store' });
}

export function positionAt(lsn: number): Position {
  return { epoch: 1 as Epoch, endLsn: BigInt(lsn) as Lsn };
}

export function endsOf(entries: readonly DataLogEntry[]): bigint[] {
  return entries.map(({ record }) => endPositionOf(record)?.endLsn ?? -1n);
}

export function lsnsOf(entries: readonly DataLogEntry[]): bigint[] {
  return entries.map(({ record }) => (record.kind === 'idle' ? record.lsn : -1n));
}
