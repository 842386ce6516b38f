/**
 * The Bind message (manual, section "Message Formats") in pieces: the driver's own copies every
 * value twice, which counts when one has hundreds of megabytes.
 */

/** Binds `values`, all as text, to a prepared statement and the unnamed portal. */
export function* bindMessage(
  statement: string,
  values: readonly (string | null)[],
): Generator<Buffer> {
  const names = Buffer.from(`\0${statement}\0`);
  const lengths = values.map((value) => (value === null ? -1 : Buffer.byteLength(value)));
  const body = lengths.reduce((sum, length) => sum + 4 + Math.max(0, length), 0);
  const head = Buffer.alloc(5 + names.byteLength + 4);
  head[0] = 66;
  head.writeUInt32BE(4 + names.byteLength + 4 + body + 2, 1);
  names.copy(head, 5);
  // No format codes: every parameter is text.
  head.writeUInt16BE(values.length, 5 + names.byteLength + 2);
  yield head;
  for (const [index, value] of values.entries()) {
    const length = Buffer.alloc(4);
    length.writeInt32BE(lengths[index] ?? -1);
    yield length;
    if (value !== null && value !== '') yield Buffer.from(value);
  }
  // No format codes of results either.
  yield Buffer.alloc(2);
}
