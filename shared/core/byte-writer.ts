/** Writes big-endian binary data into a buffer that grows. */
import { assert } from './assert.ts';

const encoder = new TextEncoder();

export class ByteWriter {
  #bytes: Uint8Array;
  #view: DataView;
  #length = 0;

  /** `sizeHint`: bytes reserved at first. */
  constructor(sizeHint = 256) {
    this.#bytes = new Uint8Array(sizeHint);
    this.#view = new DataView(this.#bytes.buffer);
  }

  u8(value: number): void {
    const at = this.#reserve(1);
    this.#view.setUint8(at, value);
  }

  u16(value: number): void {
    const at = this.#reserve(2);
    this.#view.setUint16(at, value);
  }

  u32(value: number): void {
    const at = this.#reserve(4);
    this.#view.setUint32(at, value);
  }

  u64(value: bigint): void {
    const at = this.#reserve(8);
    this.#view.setBigUint64(at, value);
  }

  i64(value: bigint): void {
    const at = this.#reserve(8);
    this.#view.setBigInt64(at, value);
  }

  bytes(value: Uint8Array): void {
    const at = this.#reserve(value.byteLength);
    this.#bytes.set(value, at);
  }

  /** UTF-8 text of at most 255 bytes with a length byte before it. */
  text8(text: string): void {
    const encoded = encoder.encode(text);
    assert(encoded.byteLength < 256, 'text is too long for a length byte');
    this.u8(encoded.byteLength);
    this.bytes(encoded);
  }

  /** UTF-8 text of at most 65,535 bytes with a two-byte length before it. */
  text16(text: string): void {
    const encoded = encoder.encode(text);
    assert(encoded.byteLength < 65_536, 'text is too long for a two-byte length');
    this.u16(encoded.byteLength);
    this.bytes(encoded);
  }

  /** What was written; the writer is not used afterwards. */
  finish(): Uint8Array {
    return this.#bytes.subarray(0, this.#length);
  }

  #reserve(length: number): number {
    const at = this.#length;
    this.#length += length;
    if (this.#length > this.#bytes.byteLength) this.#grow();
    return at;
  }

  #grow(): void {
    const bytes = new Uint8Array(Math.max(this.#length, this.#bytes.byteLength * 2));
    bytes.set(this.#bytes);
    this.#bytes = bytes;
    this.#view = new DataView(bytes.buffer);
  }
}
