/**
 * Writes log lines to a descriptor, each at once. A log that cannot be written (a full disk, a
 * reader that went away) costs lines, never the process: what is lost is counted and said later.
 */
import { writeSync } from 'node:fs';

export interface LineWriter {
  /** One line or more, each with its end. */
  write(lines: string): void;
}

/** A pipe whose reader is slow is tried again this often, a millisecond apart. */
const busyTriesMax = 20;

const pause = new Int32Array(new SharedArrayBuffer(4));
const lineEnd = 10;

/** Lines to `descriptor`; `writeChunk` is `fs.writeSync` outside tests. */
export function createLineWriter(
  descriptor: number,
  writeChunk: (descriptor: number, chunk: Uint8Array) => number = writeSync,
): LineWriter {
  let lost = 0;
  /** A line was begun and could not be ended: the next one begins on a line of its own. */
  let isTorn = false;
  const put = (lines: string): boolean => {
    const bytes = Buffer.from(isTorn ? `\n${lines}` : lines);
    // A reader that has not come back is not waited for again with each line.
    const rest = writeAll(bytes, lost === 0 ? busyTriesMax : 1, (chunk) =>
      writeChunk(descriptor, chunk),
    );
    const written = bytes.length - rest.length;
    if (written > 0) isTorn = bytes[written - 1] !== lineEnd;
    for (const byte of rest) if (byte === lineEnd) lost += 1;
    // The end of the torn line itself is none that is lost.
    if (written === 0 && rest[0] === lineEnd) lost -= 1;
    return rest.length === 0;
  };
  return {
    write(lines) {
      const before = lost;
      if (!put(lines) || before === 0) return;
      const notice = JSON.stringify({ level: 'warn', lost: before, msg: 'log lines were lost' });
      if (put(`${notice}\n`)) lost = 0;
      else lost = before;
    },
  };
}

/** What could not be written. */
function writeAll(
  bytes: Uint8Array,
  triesMax: number,
  writeChunk: (chunk: Uint8Array) => number,
): Uint8Array {
  let rest = bytes;
  for (let tries = 0; tries < triesMax && rest.length > 0; tries += 1) {
    try {
      rest = rest.subarray(writeChunk(rest));
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EAGAIN') return rest;
      if (tries + 1 < triesMax) Atomics.wait(pause, 0, 0, 1);
    }
  }
  return rest;
}
