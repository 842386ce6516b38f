/** What documents claim: links lead somewhere, and the table of errors is the catalogue. */
import { posix } from 'node:path';
import type { SourceFile } from './source-tree.ts';

export function findDeadLinks(
  { path, text }: SourceFile,
  exists: (path: string) => boolean,
): readonly string[] {
  const prose = text.replaceAll(/```.*?```|`[^`\n]*`/gs, '');
  return [...prose.matchAll(/\]\(<?([^)>\s#]*)[^)]*\)/g)]
    .map(([, target = '']) => target)
    .filter((target) => target !== '' && !/^[a-z]+:/.test(target))
    .filter((target) => !exists(posix.join(posix.dirname(path), target)))
    .map((target) => `${path} → ${target}`);
}

/** The rows of a table whose first three columns are code, HTTP status and retry. */
export function readErrorTable(text: string): Readonly<Record<string, string>> {
  const rows = text.matchAll(/^\| *`?(\w+)`? *\| *(\d{3}) *\| *(\w+) *\|/gm);
  return Object.fromEntries(
    [...rows].map(([, code = '', httpStatus, retry]) => [code, `${httpStatus} ${retry}`]),
  );
}
