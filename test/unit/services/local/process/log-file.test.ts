import assert from 'node:assert/strict';
import { appendFileSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { lastLines, rotateLogFile } from '../../../../../services/local/process/log-file.ts';

test('a log that grew too large is kept once and begun anew', (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'meridian-log-'));
  t.after(() => rmSync(folder, { recursive: true }));
  const file = join(folder, 'x.log');
  rotateLogFile(file, 10);
  appendFileSync(file, 'one\ntwo\n\n');
  rotateLogFile(file, 10);
  assert.deepEqual(lastLines(file, 1), ['two']);
  appendFileSync(file, 'three\n');
  rotateLogFile(file, 10);
  assert.equal(readFileSync(file, 'utf8'), '');
  assert.equal(readFileSync(`${file}.1`, 'utf8'), 'one\ntwo\n\nthree\n');
  assert.deepEqual(lastLines(join(folder, 'none.log'), 3), []);
});
