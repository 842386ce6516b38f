/** The shape of the tree: top level, names, sizes, and a unit test for every core file. */
import { basename, dirname } from 'node:path';
import ts from 'typescript';
import { parse } from './imports.ts';
import { isCode, isCore } from './source-tree.ts';
import type { SourceFile } from './source-tree.ts';

const topLevel = new Set([
  'services',
  'shared',
  'infra',
  'test',
  'package.json',
  'package-lock.json',
  'tsconfig.json',
  'docker-compose.regions.yml',
  'README.md',
  'ARCHITECTURE.md',
  'LICENSE',
]);
const forbiddenWords = new Set(['utils', 'util', 'common', 'types', 'manager']);
const LINES_MAX = 300;
const LINE_CHARS_MAX = 100;
const FILES_IN_FOLDER_MAX = 20;
const ARCHITECTURE_LINES_MAX = 200;

export function findStrangersAtTop(paths: readonly string[]): readonly string[] {
  const names = new Set(paths.map((path) => path.split('/')[0] ?? ''));
  return [...names].filter((name) => !topLevel.has(name) && !name.startsWith('.'));
}

const kebabCase = /^[a-z0-9]+(-[a-z0-9]+)*(\.(long\.)?test|\.config)?\.(ts|mjs|js)$/;

export function judgeName(path: string): readonly string[] {
  const problems: string[] = [];
  const segments = path.split('/');
  const words = segments.flatMap((segment) => segment.replace(/\..*$/, '').split('-'));
  if (/^index\./.test(basename(path))) problems.push(`${path}: says nothing with "index"`);
  for (const word of words) {
    if (forbiddenWords.has(word)) problems.push(`${path}: says nothing with "${word}"`);
    if (word === 'helpers' && segments[0] !== 'test')
      problems.push(`${path}: helpers outside test`);
  }
  const isKebab = kebabCase.test(basename(path));
  if (isCode(path) && !isKebab) problems.push(`${path}: not in kebab-case`);
  return problems;
}

export function judgeSize({ path, text }: SourceFile): readonly string[] {
  const lines = text.trimEnd().split('\n');
  const problems = lines.flatMap((line, index) =>
    isWide(line) && path !== 'ARCHITECTURE.md'
      ? [`${path}:${index + 1}: over ${LINE_CHARS_MAX}`]
      : [],
  );
  const linesMax = path === 'ARCHITECTURE.md' ? ARCHITECTURE_LINES_MAX : LINES_MAX;
  if (lines.length > linesMax) problems.push(`${path}: ${lines.length} lines, over ${linesMax}`);
  return problems;
}

/** An address cannot be folded. */
function isWide(line: string): boolean {
  return line.length > LINE_CHARS_MAX && !/^\W*https?:\/\/\S+$/.test(line);
}

export function findCrowdedFolders(paths: readonly string[]): readonly string[] {
  return [...Map.groupBy(paths, dirname)]
    .filter(
      ([folder, files]) => folder !== 'test/fault/scenarios' && files.length > FILES_IN_FOLDER_MAX,
    )
    .map(([folder, files]) => `${folder}: ${files.length} files, over ${FILES_IN_FOLDER_MAX}`);
}

/** False when the file declares types only: then it has nothing that a test could run. */
export function hasBehaviour(file: SourceFile): boolean {
  return !parse(file).statements.every(
    (statement) =>
      ts.isInterfaceDeclaration(statement) ||
      ts.isTypeAliasDeclaration(statement) ||
      ts.isImportDeclaration(statement) ||
      (ts.isExportDeclaration(statement) && statement.isTypeOnly),
  );
}

/** Core files without their unit test, and unit tests without their source. */
export function findUnmirrored(paths: readonly string[]): readonly string[] {
  const present = new Set(paths);
  const missing = paths
    .filter((path) => isCore(path) && path.endsWith('.ts'))
    .map((path) => `test/unit/${path.slice(0, -'.ts'.length)}.test.ts`)
    .filter((mirror) => !present.has(mirror))
    .map((mirror) => `${mirror} is missing`);
  const orphans = paths
    .map((path) => ({ path, stem: /^test\/unit\/(.+)\.test\.ts$/.exec(path)?.[1] }))
    .filter(({ stem }) => stem !== undefined)
    .filter(({ stem }) => !['.ts', '.mjs', '.js'].some((ending) => present.has(`${stem}${ending}`)))
    .map(({ path }) => `${path} mirrors no file`);
  return [...missing, ...orphans];
}
