// test: light
/** The dependency tree: audited by the real npm, and listed in a bill of materials. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { test } from 'node:test';
import { auditPackages } from '../../../infra/scripts/supply/audit.mjs';
import { billOfMaterials } from '../../../infra/scripts/supply/bill-of-materials.mjs';

test('no locked package has a known vulnerability', async (t) => {
  const result = await auditPackages();
  if (result.kind === 'unanswered') {
    t.skip(`the registry answers no audit: ${result.why}`);
    return;
  }
  assert.deepEqual(result.kind === 'vulnerable' ? result.vulnerabilities : [], []);
});

/** What `npm audit` makes of a registry that answers its bulk question with `body`. */
async function auditAgainst(status: number, body: object) {
  const server = createServer((request, response) => {
    request.resume();
    response.writeHead(request.url?.endsWith('/advisories/bulk') === true ? status : 404, {
      'content-type': 'application/json',
    });
    response.end(JSON.stringify(body));
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  try {
    return await auditPackages({ registry: `http://127.0.0.1:${port}/`, timeoutMs: 5000 });
  } finally {
    server.close();
  }
}

test('a registry without advisories is clean', async () => {
  const result = await auditAgainst(200, {});
  assert.equal(result.kind, 'clean');
});

test('an advisory of a locked package is named', async () => {
  const url = 'https://example.invalid/1';
  const advisory = { id: 1, url, title: 'planted', severity: 'high', vulnerable_versions: '*' };
  const result = await auditAgainst(200, { zod: [advisory] });
  assert.equal(result.kind, 'vulnerable');
  const own = result.vulnerabilities.find(({ name }) => name === 'zod');
  assert.deepEqual([own?.severity, own?.why], ['high', 'planted']);
});

test('a registry that answers no audits is not taken for a clean one', async () => {
  assert.equal((await auditAgainst(405, { error: 'no' })).kind, 'unanswered');
});

test('the bill of materials lists what runs in production, and nothing else', () => {
  const { metadata, components } = billOfMaterials();
  assert.equal(metadata.component.name, 'meridian');
  const names = components.map(({ name }) => name);
  for (const name of ['pg', 'fastify', 'kafka-clients']) assert.ok(names.includes(name), name);
  assert.ok(!names.includes('eslint'));
});
