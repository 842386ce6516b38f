import assert from 'node:assert/strict';
import { test } from 'node:test';
import { assertNone } from './assert-none.ts';
import { findImpurities } from './core-purity.ts';
import { isCode, isCore, readFiles } from './source-tree.ts';

const impure = [
  'export async function f(): Promise<void> {}',
  'const x = async () => 1;',
  'const now = Date.now();',
  'const now = new Date();',
  'const chance = Math.random();',
  'setTimeout(() => {}, 1);',
  'console.log(1);',
  'const x = process.env.HOME;',
  'const t = performance.now();',
  'const x = { process };',
  'const here = import.meta.dirname;',
];

const pure = [
  "const text = 'async process Promise Date.now()';",
  '/* await console.log */ const x = 1;',
  'const day = new Date(nowMs).toISOString();',
  'const x = { process: 1 }; export const y = x.process;',
  'interface A { console: string; setTimeout(): void }',
];

test('core purity: planted impurities are found', () => {
  for (const text of impure) assert.notDeepEqual(judge(text), [], text);
});

test('core purity: harmless texts are not', () => {
  for (const text of pure) assert.deepEqual(judge(text), []);
});

test('core purity: the repository keeps it', () => {
  const files = readFiles((path) => isCore(path) && isCode(path));
  assertNone(files.flatMap(findImpurities));
});

function judge(text: string): readonly string[] {
  return findImpurities({ path: 'shared/core/sample.ts', text });
}
