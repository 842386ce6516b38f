import assert from 'node:assert/strict';
import { test } from 'node:test';
import { assertNone } from './assert-none.ts';
import { findMachineTraces } from './machine-traces.ts';
import { readFiles } from './source-tree.ts';

// Put together here, so that this file does not hold what it looks for.
const planted = [
  ['', 'work', 'main/a.ts'].join('/'),
  `cd ${['', 'root'].join('/')}`,
  ['see ', 'home', 'someone', 'x'].join('/'),
  `https://${['registry', 'npmjs', 'org'].join('.')}/pg`,
  `https://${['repo', 'maven', 'apache', 'org'].join('.')}/maven2`,
  `host: ${[10, 20, 30, 40].join('.')}`,
  `host: ${[192, 168, 17, 4].join('.')}`,
];

const harmless = [
  '127.0.0.2 and 203.0.113.7',
  'deny 10.0.0.0/8, 172.16.0.0/12, 169.254.0.0/16',
  'a client at 10.0.0.5',
  'GET /v1/work/items, /workers, services/root.ts',
  'version 10.4.0',
];

test('machine traces: planted ones are found', () => {
  for (const text of planted) assert.equal(judge(text).length, 1, text);
});

test('machine traces: harmless texts are not', () => {
  for (const text of harmless) assert.deepEqual(judge(text), []);
});

test('machine traces: the repository has none', () => {
  const files = readFiles((path) => path !== 'LICENSE' && !path.endsWith('.sha256'));
  assertNone(files.flatMap(findMachineTraces));
});

function judge(text: string): readonly string[] {
  return findMachineTraces({ path: 'sample', text });
}
