/**
 * The version of this program: the one in its package.json and, behind a plus, which build of it
 * runs: the id that an image was given (`infra/build-id`), else the commit that is checked out,
 * read from git's files without git. Changes that nobody committed are not told apart.
 */
import { existsSync, readFileSync, statSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { z } from 'zod';

const repositoryFolder = join(import.meta.dirname, '../..');

/** Of this process as it was started, for instance `0.1.0+38a9cf8`. */
export const programVersion: string = versionIn(repositoryFolder);

/** The version of the program in `folder`; without a build where none is known. */
export function versionIn(folder: string): string {
  const text = readFileSync(join(folder, 'package.json'), 'utf8');
  const { version } = z.object({ version: z.string() }).parse(JSON.parse(text));
  const build = textOf(join(folder, 'infra/build-id')) ?? commitOf(folder)?.slice(0, 7) ?? '';
  return build === '' ? version : `${version}+${build}`;
}

function commitOf(folder: string): string | null {
  const git = gitFolderOf(folder);
  if (git === null) return null;
  const head = textOf(join(git, 'HEAD')) ?? '';
  if (!head.startsWith('ref: ')) return commitIn(head);
  const name = head.slice('ref: '.length);
  // A work tree of its own keeps its branches with the repository's.
  const shared = resolve(git, textOf(join(git, 'commondir')) ?? '.');
  const packed = (textOf(join(shared, 'packed-refs')) ?? '').split('\n');
  const line = packed.find((one) => one.endsWith(` ${name}`)) ?? '';
  return commitIn(textOf(join(shared, name)) ?? line);
}

/** `.git` is a folder, or a file that names one. */
function gitFolderOf(folder: string): string | null {
  const place = join(folder, '.git');
  if (!existsSync(place)) return null;
  if (statSync(place).isDirectory()) return place;
  const named = /^gitdir: (.+)$/m.exec(textOf(place) ?? '')?.[1];
  return named === undefined ? null : resolve(folder, named);
}

function commitIn(text: string): string | null {
  return /^[0-9a-f]{40}/.exec(text)?.[0] ?? null;
}

/** Null when it cannot be read. */
function textOf(file: string): string | null {
  try {
    return readFileSync(file, 'utf8').trim();
  } catch {
    return null;
  }
}
