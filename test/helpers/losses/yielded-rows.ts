/** What the slot of an epoch still yields on a node, in words; the slot stays where it is. */
import assert from 'node:assert/strict';
import { readSlotTail } from '../../../services/failover/io/divergence/slot-tail.ts';
import type { Epoch } from '../../../shared/core/epoch.ts';
import { zeroLsn } from '../../../shared/core/lsn.ts';
import { TailReader } from '../../../shared/core/pgoutput/tail-row.ts';
import { withPg, type PgTarget } from '../../../shared/pg/client.ts';

/** `<command> <table> <id>` of each row, in the order of the commits. */
export function yieldedRows(node: PgTarget, epoch: number): Promise<readonly string[]> {
  return withPg(node, async (client) => {
    const reader = new TailReader();
    const words: string[] = [];
    for await (const { messages } of readSlotTail(client, epoch as Epoch, zeroLsn)) {
      const read = reader.read(messages);
      assert.ok(read.kind === 'rows', read.kind);
      words.push(...read.rows.map((row) => `${row.command} ${row.table} ${row.after?.['id']}`));
    }
    return words;
  });
}
