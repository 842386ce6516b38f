/**
 * Reads big-endian binary data without ever throwing: past the end every read yields zero or
 * nothing and `isExhausted` becomes true. Views, no copies.
 */

/** Why bytes could not be decoded. */
export interface MalformedBytes {
  readonly kind: 'malformed';
  readonly why: string;
}

const decoder = new TextDecoder('utf-8', { ignoreBOM: true });
/** Up to here plain characters are put together faster than the decoder is called. */
const shortText = 10;
const nothing = new Uint8Array(0);

/** A view costs more than a read: the small messages of one buffer, read in turn, share theirs. */
let sharedView: DataView = new DataView(new ArrayBuffer(0));
const sharedBytesMax = 1024 * 1024;

function viewOf(buffer: ArrayBufferLike): DataView {
  if (buffer.byteLength > sharedBytesMax) return new DataView(buffer);
  if (sharedView.buffer !== buffer) sharedView = new DataView(buffer);
  return sharedView;
}

export class ByteReader {
  readonly #bytes: Uint8Array;
  readonly #view: DataView;
  /** Where the bytes begin in the view. */
  readonly #base: number;
  #at = 0;
  #isExhausted = false;

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
    this.#view = viewOf(bytes.buffer);
    this.#base = bytes.byteOffset;
  }

  /** Whether something was read that is not there. */
  get isExhausted(): boolean {
    return this.#isExhausted;
  }

  get remaining(): number {
    return this.#bytes.byteLength - this.#at;
  }

  u8(): number {
    return this.#has(1) ? this.#view.getUint8(this.#advance(1)) : 0;
  }

  u16(): number {
    return this.#has(2) ? this.#view.getUint16(this.#advance(2)) : 0;
  }

  u32(): number {
    return this.#has(4) ? this.#view.getUint32(this.#advance(4)) : 0;
  }

  i32(): number {
    return this.#has(4) ? this.#view.getInt32(this.#advance(4)) : 0;
  }

  u64(): bigint {
    return this.#has(8) ? this.#view.getBigUint64(this.#advance(8)) : 0n;
  }

  i64(): bigint {
    return this.#has(8) ? this.#view.getBigInt64(this.#advance(8)) : 0n;
  }

  bytes(length: number): Uint8Array {
    if (!this.#has(length)) return nothing;
    const start = this.#at;
    this.#at += length;
    return this.#bytes.subarray(start, start + length);
  }

  /** UTF-8 text of `length` bytes; wrong sequences become replacement characters. */
  text(length: number): string {
    if (length > shortText || !this.#has(length)) return decoder.decode(this.bytes(length));
    let text = '';
    for (let index = this.#at; index < this.#at + length; index += 1) {
      const byte = this.#bytes[index] ?? 0;
      if (byte > 127) return decoder.decode(this.bytes(length));
      text += String.fromCharCode(byte);
    }
    this.#at += length;
    return text;
  }

  /** Text with a length byte before it. */
  text8(): string {
    return this.text(this.u8());
  }

  /** Text with a two-byte length before it. */
  text16(): string {
    return this.text(this.u16());
  }

  /** UTF-8 text up to a zero byte, which is consumed. */
  textZ(): string {
    const end = this.#bytes.indexOf(0, this.#at);
    if (end < 0) {
      this.#isExhausted = true;
      return '';
    }
    const text = decoder.decode(this.#bytes.subarray(this.#at, end));
    this.#at = end + 1;
    return text;
  }

  #has(length: number): boolean {
    if (this.#isExhausted || length > this.remaining) {
      this.#isExhausted = true;
      return false;
    }
    return true;
  }

  /** Goes on by `length`; returns where in the view that begins. */
  #advance(length: number): number {
    const at = this.#base + this.#at;
    this.#at += length;
    return at;
  }
}
