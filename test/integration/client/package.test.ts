// test: light
/** The package as npm would publish it: built, complete, with types, and without dependencies. */
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import {
  copyFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { after, before, test } from 'node:test';

const source = resolve(import.meta.dirname, '../../../services/client');
const modules = resolve(import.meta.dirname, '../../../node_modules');
const tsc = join(modules, 'typescript/bin/tsc');
const home = mkdtempSync(join(tmpdir(), 'meridian-client-'));
const packageFolder = join(home, 'node_modules/@meridian-db/client');

interface Manifest {
  readonly exports: Record<string, { readonly types: string; readonly default: string }>;
  readonly files: readonly string[];
  readonly dependencies?: object;
}
const manifest = JSON.parse(readFileSync(join(source, 'package.json'), 'utf8')) as Manifest;

before(() => {
  mkdirSync(packageFolder, { recursive: true });
  copyFileSync(join(source, 'package.json'), join(packageFolder, 'package.json'));
  const outDir = join(packageFolder, 'dist');
  const project = join(source, 'tsconfig.build.json');
  execFileSync(process.execPath, [tsc, '-p', project, '--outDir', outDir], { stdio: 'inherit' });
});

after(() => rmSync(home, { recursive: true, force: true }));

test('it is complete and needs nothing else', () => {
  assert.equal(manifest.dependencies, undefined);
  for (const entry of Object.values(manifest.exports)) {
    for (const file of Object.values(entry)) assert.ok(existsSync(join(packageFolder, file)), file);
  }
  for (const file of manifest.files) {
    assert.ok(file === 'dist' || existsSync(join(source, file)), file);
  }
});

const consumer = `import { MeridianClient, sql, type QueryResult } from '@meridian-db/client';
import { Pool } from '@meridian-db/client/pg';
const client = new MeridianClient({ urls: ['http://127.0.0.1:1'], token: 't', attemptsMax: 1 });
const pool = new Pool({ urls: ['http://127.0.0.1:1'], token: 't' });
export const wanted: Promise<QueryResult<{ id: number }>> = client.query<{ id: number }>(
  sql\`SELECT \${1} AS id\`,
);
// @ts-expect-error rows hold what was asked for
wanted.then(({ rows }) => rows[0]?.name, (error: { code: string }) => console.log(error.code));
export const session = pool.connect();
`;

test('its types and its code are what an application gets', () => {
  const file = join(home, 'consumer.ts');
  writeFileSync(file, consumer);
  writeFileSync(join(home, 'package.json'), '{"type": "module"}');
  symlinkSync(join(modules, '@types'), join(home, 'node_modules/@types'));
  const options = ['--noEmit', '--strict', '--module', 'nodenext', '--skipLibCheck', 'false'];
  execFileSync(process.execPath, [tsc, ...options, '--target', 'es2022', '--types', 'node', file], {
    cwd: home,
    stdio: 'inherit',
  });
  const printed = execFileSync(process.execPath, [file], { cwd: home, encoding: 'utf8' });
  assert.equal(printed, 'NoReply\n');
});
