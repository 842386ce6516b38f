/**
 * One log file per process. Children write to it themselves, in append mode, so that nothing is
 * lost when the agent dies; a file that grew too large is copied to `<file>.1` and emptied.
 */
import {
  closeSync,
  copyFileSync,
  fstatSync,
  openSync,
  readSync,
  rmSync,
  statSync,
  truncateSync,
} from 'node:fs';

const bytesMaxDefault = 20 * 1024 * 1024;

/** A descriptor that appends to `file`. */
export function openLogFile(file: string): number {
  return openSync(file, 'a', 0o640);
}

/** Keeps at most two times `bytesMax` bytes; lines written during the copy may be lost. */
export function rotateLogFile(file: string, bytesMax: number = bytesMaxDefault): void {
  if ((statSync(file, { throwIfNoEntry: false })?.size ?? 0) <= bytesMax) return;
  try {
    copyFileSync(file, `${file}.1`);
  } catch {
    // On a full disk the older lines give way.
    rmSync(`${file}.1`, { force: true });
  }
  truncateSync(file, 0);
}

/** The last `lines` lines of `file`, from its last 16 KiB; none when there is no file. */
export function lastLines(file: string, lines: number): string[] {
  let descriptor: number;
  try {
    descriptor = openSync(file, 'r');
  } catch {
    return [];
  }
  try {
    const { size } = fstatSync(descriptor);
    const buffer = Buffer.alloc(Math.min(size, 16 * 1024));
    readSync(descriptor, buffer, 0, buffer.length, size - buffer.length);
    const text = buffer.toString('utf8').split('\n');
    return text.filter((line) => line.trim() !== '').slice(-lines);
  } finally {
    closeSync(descriptor);
  }
}
