/** Folders for files that are made once. */
import { existsSync, readdirSync } from 'node:fs';
import { mkdir } from 'node:fs/promises';
import { resolve } from 'node:path';
import { CliError } from '../core/cli-error.ts';
import { exitCodes } from '../core/exit-code.ts';

/** The whole path of a folder that is new or empty; throws otherwise, with `hint`, if any. */
export function emptyFolder(path: string, hint?: string): string {
  const folder = resolve(path);
  if (existsSync(folder) && readdirSync(folder).length > 0) {
    throw new CliError(`${folder} is not empty; nothing was written.`, {
      exitCode: exitCodes.refused,
      ...(hint === undefined ? {} : { hint }),
    });
  }
  return folder;
}

/** The same, made if need be; nobody but its owner looks into it. */
export async function makeEmptyFolder(path: string): Promise<string> {
  const folder = emptyFolder(path);
  await mkdir(folder, { recursive: true, mode: 0o700 });
  return folder;
}
