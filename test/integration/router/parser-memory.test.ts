// test: light
/** The parser of SQL stays small when it is used much: V8 shall not compile it for speed. */
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { test } from 'node:test';
import { promisify } from 'node:util';

const parser = new URL('../../../shared/pg/sql-parser.ts', import.meta.url).pathname;
const program = `
const { loadSqlParser, parseSync } = await import(${JSON.stringify(parser)});
await loadSqlParser();
for (let n = 0; n < 2000; n += 1) parseSync('SELECT a, b FROM t WHERE id = $1 AND c > ' + n);
await new Promise((resolve) => setTimeout(resolve, 500));
console.log(process.resourceUsage().maxRSS);`;

test('thousands of statements are parsed within 200 MB of memory', async () => {
  const { stdout } = await promisify(execFile)(process.execPath, [
    '--input-type=module',
    '--eval',
    program,
  ]);
  const megabytes = Number(stdout) / 1024;
  assert.ok(megabytes > 20 && megabytes < 200, `${megabytes.toFixed(0)} MB`);
});
