import assert from 'node:assert/strict';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { errorCatalogue } from '../../shared/errors/catalogue.ts';
import { findDeadLinks, readErrorTable } from './documents.ts';
import { readFiles, repositoryFolder } from './source-tree.ts';

test('links: a dead one is found, the others are not', () => {
  const text = [
    'See [a](../there.md#part), [b](gone.md), [c](https://example.com/x), [d](#here)',
    'and `[e](code.md)`.',
  ].join('\n');
  const exists = (path: string): boolean => path === 'docs/there.md';
  assert.deepEqual(findDeadLinks({ path: 'docs/deep/a.md', text }, exists), [
    'docs/deep/a.md → gone.md',
  ]);
});

test('links: every one in the repository leads somewhere', () => {
  const exists = (path: string): boolean => existsSync(join(repositoryFolder, path));
  const documents = readFiles((path) => path.endsWith('.md'));
  assert.deepEqual(
    documents.flatMap((document) => findDeadLinks(document, exists)),
    [],
  );
});

test('errors: the table is read', () => {
  const text = '| code | HTTP | retry |\n|---|---|---|\n| `Gone` | 410 | never |\n';
  assert.deepEqual(readErrorTable(text), { Gone: '410 never' });
});

test('errors: the documentation is the catalogue', () => {
  const text = readFileSync(join(repositoryFolder, 'shared/errors/README.md'), 'utf8');
  const catalogue = Object.entries(errorCatalogue).map(([code, { httpStatus, retry }]) => [
    code,
    `${httpStatus} ${retry}`,
  ]);
  assert.deepEqual(readErrorTable(text), Object.fromEntries(catalogue));
});
