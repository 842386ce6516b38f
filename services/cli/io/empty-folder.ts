/** Folders for files that are made once. */
import { existsSync, readdirSync } from 'node:fs';
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
