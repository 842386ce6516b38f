import assert from 'node:assert/strict';
import { test } from 'node:test';
import { assertNone } from './assert-none.ts';
import {
  findCrowdedFolders,
  findStrangersAtTop,
  findUnmirrored,
  hasBehaviour,
  judgeName,
  judgeSize,
} from './shape.ts';
import { isCode, listFiles, readFiles } from './source-tree.ts';

const measured = (path: string): boolean =>
  isCode(path) || /\.(sql|sh|ya?ml)$/.test(path) || path === 'ARCHITECTURE.md';

test('top level: a stranger is found, the known ones are not', () => {
  assert.deepEqual(findStrangersAtTop(['docs/a.md', 'src.ts']), ['docs', 'src.ts']);
  assert.deepEqual(findStrangersAtTop(['services/a.ts', '.ci/run', 'LICENSE']), []);
});

test('top level: the repository keeps to it', () => {
  assertNone(findStrangersAtTop(listFiles()));
});

test('names: empty words and other cases are found', () => {
  for (const path of [
    'shared/pg/utils.ts',
    'shared/common/lsn.ts',
    'shared/pg/pool-manager.ts',
    'services/router/index.ts',
    'services/router/helpers/a.ts',
    'services/router/core/accessDecision.ts',
  ]) {
    assert.equal(judgeName(path).length, 1, path);
  }
  for (const path of ['test/helpers/kafka.ts', 'shared/pg/type-parser.ts', 'README.md']) {
    assert.deepEqual(judgeName(path), []);
  }
});

test('names: the repository keeps to them', () => {
  assertNone(listFiles().flatMap(judgeName));
});

test('sizes: long files, wide lines and crowded folders are found', () => {
  const path = 'shared/pg/a.ts';
  assert.equal(judgeSize({ path, text: 'x\n'.repeat(301) }).length, 1);
  assert.equal(judgeSize({ path, text: 'x'.repeat(101) }).length, 1);
  assert.deepEqual(judgeSize({ path, text: `${'x'.repeat(100)}\n`.repeat(300) }), []);
  assert.deepEqual(judgeSize({ path, text: `// https://example.com/${'x'.repeat(100)}` }), []);
  const many = Array.from({ length: 21 }, (_, index) => `a/b/${index}.ts`);
  assert.equal(findCrowdedFolders(many).length, 1);
  assert.deepEqual(findCrowdedFolders(many.slice(1)), []);
});

test('sizes: the repository keeps to them', () => {
  assertNone(readFiles(measured).flatMap(judgeSize));
  assertNone(findCrowdedFolders(listFiles()));
});

test('mirrors: a core file without a test and a test without a file are found', () => {
  const core = 'services/router/core/choice.ts';
  assert.deepEqual(findUnmirrored([core]), [
    'test/unit/services/router/core/choice.test.ts is missing',
  ]);
  assert.deepEqual(findUnmirrored(['test/unit/shared/pg/gone.test.ts']), [
    'test/unit/shared/pg/gone.test.ts mirrors no file',
  ]);
  assert.deepEqual(findUnmirrored([core, 'test/unit/services/router/core/choice.test.ts']), []);
});

test('mirrors: a file of mere types has nothing to test', () => {
  const path = 'shared/core/a.ts';
  const types = "import type { X } from './b.ts';\nexport type { X };\nexport type Y = X | 1;";
  assert.equal(hasBehaviour({ path, text: types }), false);
  assert.equal(hasBehaviour({ path, text: `${types}\nexport const z = 1;` }), true);
  assert.equal(hasBehaviour({ path, text: "export { x } from './b.ts';" }), true);
});

test('mirrors: the repository keeps to them', () => {
  const running = readFiles(isCode).filter(hasBehaviour);
  assertNone(findUnmirrored(running.map(({ path }) => path)));
});
