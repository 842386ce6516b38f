/** The cluster file with some values changed: its comments and its order stay. */
import { readFileSync } from 'node:fs';
import { parseDocument, type Document } from 'yaml';
import type { FileChange } from '../core/rescue/rescued-cluster.ts';

/** What the file at `path` becomes; the file itself stays as it is. */
export function changedCluster(
  path: string,
  changes: readonly FileChange[],
  removed: readonly FileChange[0][] = [],
): Document {
  const document: Document = parseDocument(readFileSync(path, 'utf8'));
  for (const [place, value] of changes) document.setIn(place, value);
  for (const place of removed) document.deleteIn(place);
  return document;
}
