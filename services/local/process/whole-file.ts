/** Files that are either old or new, never half written. */
import { chown, open, rename } from 'node:fs/promises';
import type { RunAs } from './managed-process.ts';

export interface WholeFileOptions {
  readonly mode?: number;
  readonly owner?: RunAs;
}

/** Replaces `file` by `text`, flushed to disk. */
export async function writeFileWhole(
  file: string,
  text: string,
  options: WholeFileOptions = {},
): Promise<void> {
  const part = `${file}.part`;
  const handle = await open(part, 'w', options.mode ?? 0o644);
  try {
    await handle.writeFile(text);
    await handle.sync();
  } finally {
    await handle.close();
  }
  const owner = options.owner ?? null;
  if (owner !== null) await chown(part, owner.uid, owner.gid);
  await rename(part, file);
}
