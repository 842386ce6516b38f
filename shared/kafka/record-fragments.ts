/**
 * Records that are larger than a broker takes travel as several messages, one behind the other:
 *
 *   0x82 · u64 id of the record · u32 index · u32 count · bytes
 *
 * No packed record begins with 0x82. The one writer of a log may send fragments twice, or stop
 * amid a record and begin it again; the joiner passes whole records on and nothing else.
 */

const fragmentMark = 0x82;
const headBytes = 17;

/**
 * The messages that carry `record`, each of at most `bytesMax` bytes beside its head; made one by
 * one, so that a large record is not in memory twice.
 */
export function* fragmentsOf(
  record: Uint8Array,
  id: bigint,
  bytesMax: number,
): Generator<Uint8Array> {
  const count = Math.ceil(record.byteLength / bytesMax);
  for (let index = 0; index < count; index += 1) {
    const part = record.subarray(index * bytesMax, (index + 1) * bytesMax);
    const message = Buffer.allocUnsafe(headBytes + part.byteLength);
    message[0] = fragmentMark;
    message.writeBigUInt64BE(id, 1);
    message.writeUInt32BE(index, 9);
    message.writeUInt32BE(count, 13);
    message.set(part, headBytes);
    yield message;
  }
}

/** Puts records together again from a log's messages, read in order from any place. */
export class FragmentJoiner {
  #id: bigint | null = null;
  #parts: Uint8Array[] = [];

  /** The record that `message` is or completes; null when more is to come, or it came before. */
  take(message: Uint8Array): Uint8Array | null {
    if (message[0] !== fragmentMark || message.byteLength < headBytes) {
      this.#drop();
      return message;
    }
    const head = new DataView(message.buffer, message.byteOffset, headBytes);
    const [id, index, count] = [head.getBigUint64(1), head.getUint32(9), head.getUint32(13)];
    if (id !== this.#id) {
      this.#drop();
      // Reading began amid a record: it is not wanted, or it would have begun before.
      if (index !== 0) return null;
      this.#id = id;
    }
    if (index !== this.#parts.length) return null;
    // A copy: the message is a part of a much larger answer.
    this.#parts.push(message.slice(headBytes));
    if (this.#parts.length < count) return null;
    const record = Buffer.concat(this.#parts);
    this.#drop();
    return record;
  }

  #drop(): void {
    this.#id = null;
    this.#parts = [];
  }
}
