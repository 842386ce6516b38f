// test: light
/** Meridian's own tables in a node's database: brought forward, left alone, or refused. */
import assert from 'node:assert/strict';
import { cpSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import {
  nodeFolder,
  readRecord,
  writeRecord,
} from '../../../services/local/postgres/node-folder.ts';
import { PostgresNode } from '../../../services/local/postgres/postgres-node.ts';
import { ownerTarget } from '../../../services/local/postgres/server-process.ts';
import type { RegionContext } from '../../../services/local/region-context.ts';
import { withPg } from '../../../shared/pg/client.ts';
import { eventually } from '../../helpers/eventually.ts';
import { makeLocalFiles, type LocalFiles } from '../../helpers/local-region.ts';

const steps = {
  '0002-note.sql': '-- usable from 1\nALTER TABLE meridian_local.fence ADD COLUMN note text;\n',
  '0003-word.sql': '-- usable from 3\nALTER TABLE meridian_local.fence RENAME note TO word;\n',
  '0004-broken.sql': '-- usable from 1\nCREATE TABLE meridian_local.half ();\nSELECT 1 / 0;\n',
};
let files: LocalFiles;
let context: RegionContext;
let node: PostgresNode;

before(async () => {
  files = await makeLocalFiles(['west']);
  context = await files.context('west');
});

after(async () => {
  await node?.shutDown();
  files.remove();
});

/** A program that knows these steps beside what this one knows. */
function programWith(count: number): RegionContext {
  if (count === 0) return context;
  const folder = join(files.stateFolder, `program-${count}`);
  cpSync(
    join(context.programs.repositoryFolder, 'infra/postgres'),
    join(folder, 'infra/postgres'),
    {
      recursive: true,
    },
  );
  mkdirSync(join(folder, 'infra/postgres/steps'), { recursive: true });
  for (const [name, text] of Object.entries(steps).slice(0, count))
    writeFileSync(join(folder, 'infra/postgres/steps', name), text);
  return { ...context, programs: { ...context.programs, repositoryFolder: folder } };
}

/** The agent that ran the node ends; one of the program with so many steps takes over. */
async function runBy(count: number): Promise<void> {
  await node?.shutDown();
  const [config] = context.region.nodes;
  assert.ok(config !== undefined);
  node = new PostgresNode(programWith(count), config);
  await node.initialise();
  await node.start('normal', null);
}

async function untilRunning(): Promise<void> {
  await eventually(() => node.state().process === 'running', { deadlineMs: 60_000 });
}

async function untilProblem(words: RegExp): Promise<void> {
  await eventually(() => words.test(node.state().problem ?? ''), { deadlineMs: 60_000 });
}

async function ask(text: string): Promise<Record<string, string | null>[]> {
  const port = context.region.nodes[0]?.port ?? 0;
  return withPg(ownerTarget(context, port, 'app'), async (client) => {
    return (await client.query<Record<string, string | null>>(text)).rows;
  });
}

const version = (): Promise<unknown> =>
  ask('SELECT version, usable_from FROM meridian_local.schema_version');

test('a new database is of the newest version', async () => {
  await runBy(0);
  await untilRunning();
  assert.deepEqual(await version(), [{ version: '1', usable_from: '1' }]);
});

test('one of a program that wrote no version down gets what it lacks; its rows stay', async () => {
  await ask(`CREATE TABLE kept AS SELECT 1 AS id; DROP TABLE meridian_local.schema_version;
    DROP FUNCTION meridian.capture_mended; DROP TABLE meridian.broken_index;
    UPDATE meridian_local.fence SET sealed_epoch = 7`);
  const folder = nodeFolder(context.paths.postgresFolder, 'pg-1');
  await node.shutDown();
  const record = readRecord(folder);
  assert.ok(record?.schema !== null && record !== null);
  await writeRecord(folder, { ...record, schema: null });
  await runBy(0);
  await untilRunning();
  assert.deepEqual(await version(), [{ version: '1', usable_from: '1' }]);
  const [found] = await ask(`SELECT meridian.capture_mended()::text AS called,
    (SELECT sealed_epoch FROM meridian_local.fence) AS sealed, (SELECT id FROM kept) AS id,
    to_regclass('meridian.broken_index')::text AS made`);
  assert.deepEqual(found, { called: '', sealed: '7', id: '1', made: 'meridian.broken_index' });
});

test('a newer program brings it forward; the one before lives with it', async () => {
  await runBy(1);
  await untilRunning();
  assert.deepEqual(await version(), [{ version: '2', usable_from: '1' }]);
  assert.deepEqual(await ask('SELECT note FROM meridian_local.fence'), [{ note: null }]);
  await runBy(0);
  await untilRunning();
  assert.deepEqual(await version(), [{ version: '2', usable_from: '1' }]);
});

test('a program too old for it is refused in words, and it stays whole for the newer', async () => {
  await runBy(2);
  await untilRunning();
  assert.deepEqual(await version(), [{ version: '3', usable_from: '3' }]);
  await runBy(0);
  await untilProblem(/of version 3, .* less than version 3 must not touch; this one knows 1/);
  assert.notEqual(node.state().process, 'running');
  await runBy(2);
  await untilRunning();
  assert.deepEqual(await ask('SELECT word FROM meridian_local.fence'), [{ word: null }]);
});

test('a step that fails changes nothing, and says so', async () => {
  await runBy(3);
  await untilProblem(/division by zero/);
  await runBy(2);
  await untilRunning();
  assert.deepEqual(await version(), [{ version: '3', usable_from: '3' }]);
  const half = await ask("SELECT to_regclass('meridian_local.half')::text AS half");
  assert.deepEqual(half, [{ half: null }]);
});
