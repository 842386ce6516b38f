import assert from 'node:assert/strict';
import { test } from 'node:test';
import { assertNone } from './assert-none.ts';
import { judgeImport } from './arrows.ts';
import { parseImports } from './imports.ts';
import { isCode, readFiles } from './source-tree.ts';

const refused = [
  ['services/router/io/a.ts', "import { x } from '../../gateway/core/b.ts';"],
  ['services/router/http/a.ts', "import { x } from '../io/b.ts';"],
  ['services/router/io/a.ts', "import { x } from '../service.ts';"],
  ['services/router/core/a.ts', "import { x } from '../config.ts';"],
  ['services/router/route-config.ts', "import { x } from './io/a.ts';"],
  ['services/router/core/a.ts', "import { x } from '../../../shared/ports/clock.ts';"],
  ['services/router/core/a.ts', "import { z } from 'zod';"],
  ['services/router/core/a.ts', "import { readFileSync } from 'node:fs';"],
  ['services/router/extra/a.ts', "import { x } from '../core/b.ts';"],
  ['services/router/io/a.ts', "import pg from 'pg';"],
  ['services/router/io/a.ts', "import { Kafka } from 'kafkajs';"],
  ['services/router/http/a.ts', "import { fastify } from 'fastify';"],
  ['services/cluster-config.ts', "import { x } from './router/core/b.ts';"],
  ['services/listeners.ts', "import { x } from './router/http/b.ts';"],
  ['services/cli/a.ts', "import { x } from '../router/core/b.ts';"],
  ['services/local/a.ts', "import { x } from '../cli/b.ts';"],
  ['services/client/a.ts', "import { x } from '../../shared/core/lsn.ts';"],
  ['services/client/a.ts', "import ky from 'undici';"],
  ['shared/core/a.ts', "import { x } from '../ports/b.ts';"],
  ['shared/ports/a.ts', "import { x } from '../errors/b.ts';"],
  ['shared/errors/a.ts', "export { x } from '../http/b.ts';"],
  ['shared/pg/a.ts', "import { x } from '../../services/router/core/b.ts';"],
  ['shared/pg/a.ts', "const x = await import('../../test/helpers/b.ts');"],
  ['shared/unheard/a.ts', "import { x } from '../core/b.ts';"],
  ['infra/scripts/a.mjs', "import { x } from '../../shared/core/b.ts';"],
  ['shared/core/a.ts', "type X = import('../http/b.ts').X;"],
] as const;

const allowed = [
  ['services/main.ts', "import { x } from './router/service.ts';"],
  ['services/cluster-config.ts', "import { x } from './router/config.ts';"],
  ['services/listeners.ts', "import { x } from './cluster-config.ts';"],
  ['services/router/service.ts', "import { x } from './http/b.ts';"],
  ['services/router/io/a.ts', "import { x } from '../core/b.ts';"],
  ['services/router/io/a.ts', "import type { x } from '../config.ts';"],
  ['services/router/config.ts', "import { x } from './route-config.ts';"],
  ['services/router/route-config.ts', "import { x } from './config-values.ts';"],
  ['services/router/http/a.ts', "import type { FastifyInstance } from 'fastify';"],
  ['services/router/http/a.ts', "import { x } from '../../../shared/http/b.ts';"],
  ['services/router/core/a.ts', "import { x } from '../../../shared/core/lsn.ts';"],
  ['services/cli/verbs/a.ts', "import { x } from '../../local/b.ts';"],
  ['services/local/a.ts', "import { x } from '../../infra/scripts/parts.mjs';"],
  ['shared/pg/a.ts', "import pg from 'pg';"],
  ['shared/http/a.ts', "import { x } from '../errors/b.ts';"],
  ['test/unit/a.test.ts', "import { x } from '../../services/router/core/b.ts';"],
] as const;

test('arrows: planted imports against them are refused', () => {
  for (const [path, text] of refused) assert.equal(judge(path, text).length, 1, `${path} ${text}`);
});

test('arrows: imports along them are allowed', () => {
  for (const [path, text] of allowed) assert.deepEqual(judge(path, text), []);
});

test('arrows: the repository keeps them', () => {
  const problems = readFiles(isCode).flatMap(({ path, text }) => judge(path, text));
  assertNone(problems);
});

function judge(path: string, text: string): readonly string[] {
  return parseImports({ path, text })
    .map((imported) => judgeImport(path, imported))
    .filter((why) => why !== undefined);
}
