/** pgoutput messages, protocol 1, as PostgreSQL would send them. */
import { ByteWriter } from '../../../shared/core/byte-writer.ts';
import type { ColumnValue } from '../../../shared/core/pgoutput/pgoutput-message.ts';

export interface SentColumn {
  readonly name: string;
  readonly isKey?: boolean;
}

export function beginMessage(commitLsn: bigint, xid: number, timeUs = 0n): Uint8Array {
  const writer = new ByteWriter();
  writer.u8(66);
  writer.u64(commitLsn);
  writer.i64(timeUs);
  writer.u32(xid);
  return writer.finish();
}

export function commitMessage(commitLsn: bigint, endLsn: bigint): Uint8Array {
  const writer = new ByteWriter();
  writer.u8(67);
  writer.u8(0);
  writer.u64(commitLsn);
  writer.u64(endLsn);
  writer.i64(0n);
  return writer.finish();
}

export function originMessage(name: string): Uint8Array {
  const writer = new ByteWriter();
  writer.u8(79);
  writer.u64(0n);
  writeZ(writer, name);
  return writer.finish();
}

export function relationMessage(
  oid: number,
  table: { readonly schema: string; readonly name: string; readonly identity?: string },
  columns: readonly SentColumn[],
): Uint8Array {
  const writer = new ByteWriter();
  writer.u8(82);
  writer.u32(oid);
  writeZ(writer, table.schema);
  writeZ(writer, table.name);
  writer.u8((table.identity ?? 'd').charCodeAt(0));
  writer.u16(columns.length);
  for (const column of columns) {
    writer.u8(column.isKey === true ? 1 : 0);
    writeZ(writer, column.name);
    writer.u32(25);
    writer.u32(0xffff_ffff);
  }
  return writer.finish();
}

export function insertMessage(oid: number, row: readonly ColumnValue[]): Uint8Array {
  const writer = new ByteWriter();
  writer.u8(73);
  writer.u32(oid);
  writer.u8(78);
  writeTuple(writer, row);
  return writer.finish();
}

export function updateMessage(
  oid: number,
  old: { readonly mark: 'K' | 'O'; readonly row: readonly ColumnValue[] } | null,
  row: readonly ColumnValue[],
): Uint8Array {
  const writer = new ByteWriter();
  writer.u8(85);
  writer.u32(oid);
  if (old !== null) {
    writer.u8(old.mark.charCodeAt(0));
    writeTuple(writer, old.row);
  }
  writer.u8(78);
  writeTuple(writer, row);
  return writer.finish();
}

export function deleteMessage(
  oid: number,
  mark: 'K' | 'O',
  row: readonly ColumnValue[],
): Uint8Array {
  const writer = new ByteWriter();
  writer.u8(68);
  writer.u32(oid);
  writer.u8(mark.charCodeAt(0));
  writeTuple(writer, row);
  return writer.finish();
}

export function truncateMessage(oids: readonly number[], options = 0): Uint8Array {
  const writer = new ByteWriter();
  writer.u8(84);
  writer.u32(oids.length);
  writer.u8(options);
  for (const oid of oids) writer.u32(oid);
  return writer.finish();
}

function writeTuple(writer: ByteWriter, row: readonly ColumnValue[]): void {
  writer.u16(row.length);
  for (const value of row) {
    if (value === null) writer.u8(110);
    else if (value === undefined) writer.u8(117);
    else {
      const bytes = new TextEncoder().encode(value);
      writer.u8(116);
      writer.u32(bytes.byteLength);
      writer.bytes(bytes);
    }
  }
}

function writeZ(writer: ByteWriter, text: string): void {
  writer.bytes(new TextEncoder().encode(text));
  writer.u8(0);
}
