/** How much room a disk has; refuses to begin what a full one would break in the middle. */
import { statfsSync } from 'node:fs';
import { statfs } from 'node:fs/promises';

/** What must be left besides: servers stop hard when they run out of room. */
const freeBytesMin = 64 * 1024 * 1024;

/** Throws when the disk of `folder` has less than `neededBytes` and a reserve left. */
export async function checkRoom(folder: string, neededBytes: number): Promise<void> {
  const { bavail, bsize } = await statfs(folder);
  const freeBytes = bavail * bsize;
  if (freeBytes >= neededBytes + freeBytesMin) return;
  const megabytes = (bytes: number): string => `${String(Math.floor(bytes / 1024 / 1024))} MB`;
  throw new Error(
    `The disk is full: ${megabytes(freeBytes)} left for ${folder}, ` +
      `${megabytes(neededBytes + freeBytesMin)} are needed. Make room; it is tried again.`,
  );
}

/** Free and total bytes of the disk of `folder`; null while there is no such folder. */
export function diskOf(
  folder: string,
): { readonly freeBytes: number; readonly totalBytes: number } | null {
  try {
    const { bavail, blocks, bsize } = statfsSync(folder);
    return { freeBytes: bavail * bsize, totalBytes: blocks * bsize };
  } catch {
    return null;
  }
}
