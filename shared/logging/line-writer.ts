/**
 * Writes log lines to a descriptor, each at once. A log that cannot be written (a full disk, a
 * reader that went away) costs lines, never the process: what is lost is counted and said later.
 */
import { writeSync } from 'node:fs';

export interface LineWriter {
  write(line: string): void;
}

/** A pipe whose reader is slow is tried again this often, a millisecond apart. */
const busyTriesMax = 20;

const pause = new Int32Array(new SharedArrayBuffer(4));

/** Lines to `descriptor`; `writeChunk` is `fs.writeSync` outside tests. */
export function createLineWriter(
  descriptor: number,
  writeChunk: (descriptor: number, chunk: Uint8Array) => number = writeSync,
): LineWriter {
  let lost = 0;
  return {
    write(line) {
      if (!tryWrite(descriptor, Buffer.from(line), writeChunk)) {
        lost += 1;
        return;
      }
      if (lost === 0) return;
      const notice = JSON.stringify({ level: 'warn', lost, msg: 'log lines were lost' });
      if (tryWrite(descriptor, Buffer.from(`${notice}\n`), writeChunk)) lost = 0;
    },
  };
}

function tryWrite(
  descriptor: number,
  bytes: Uint8Array,
  writeChunk: (descriptor: number, chunk: Uint8Array) => number,
): boolean {
  let rest = bytes;
  for (let tries = 0; tries < busyTriesMax;) {
    try {
      rest = rest.subarray(writeChunk(descriptor, rest));
      if (rest.length === 0) return true;
      tries += 1;
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EAGAIN') return false;
      tries += 1;
      Atomics.wait(pause, 0, 0, 1);
    }
  }
  return false;
}
