/** The files of the repository as the tidy checks see them: path from its root, and text. */
import { readFileSync, readdirSync } from 'node:fs';
import { join } from 'node:path';

export interface SourceFile {
  readonly path: string;
  readonly text: string;
}

/** What version control leaves out. */
const IGNORED_NAMES = new Set(['.git', 'node_modules', '.meridian', '.cache', 'coverage']);

export const repositoryFolder = join(import.meta.dirname, '../..');

export function listFiles(folder = ''): readonly string[] {
  return readdirSync(join(repositoryFolder, folder), { withFileTypes: true })
    .filter(({ name }) => !IGNORED_NAMES.has(name) && !name.endsWith('.log'))
    .flatMap((entry) => {
      const path = folder === '' ? entry.name : `${folder}/${entry.name}`;
      return entry.isDirectory() ? listFiles(path) : [path];
    });
}

export function readFiles(isWanted: (path: string) => boolean): readonly SourceFile[] {
  return listFiles()
    .filter(isWanted)
    .map((path) => ({ path, text: readFileSync(join(repositoryFolder, path), 'utf8') }));
}

export function isCode(path: string): boolean {
  return /\.(ts|mjs|js)$/.test(path);
}

/** Decisions, which are pure: of a service, or shared. */
export function isCore(path: string): boolean {
  return /^(services\/[^/]+|shared)\/core\//.test(path);
}
