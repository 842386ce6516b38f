// test: light
/** An operator's certificate: issued by a verb, shown by the others instead of a token. */
import assert from 'node:assert/strict';
import { chmodSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import type { FastifyInstance } from 'fastify';
import { clusterConfigSchema } from '../../../services/cluster-config.ts';
import { adminRoutes } from '../../../services/failover/http/admin-routes.ts';
import { requireScope } from '../../../shared/auth/require-scope.ts';
import { loadClusterFile, loadSecrets } from '../../../shared/config/load.ts';
import { linkIdentityOf } from '../../../shared/config/security.ts';
import { createServer } from '../../../shared/http/server.ts';
import { createLogger } from '../../../shared/logging/logger.ts';
import { installLinkIdentity } from '../../../shared/runtime/link-security.ts';
import { controllerAccess } from '../../helpers/controller-access.ts';
import { runCli, type CliResult } from './cli-run.ts';

const address = `127.${80 + Math.floor(Math.random() * 150)}.${process.pid % 250}.2`;
const folder = mkdtempSync(join(tmpdir(), 'meridian-operator-'));
const files = join(folder, 'cluster');
const pem = join(folder, 'alice.pem');
const logger = createLogger({ service: 'test', region: 'eu-west', level: 'error' });
const asked = controllerAccess();
let server: FastifyInstance | null = null;
let origin = '';

before(async () => {
  const places = `eu-west=${address},us-east=127.0.0.3,ap-south=127.0.0.4`;
  const made = await runCli(['init', '--regions', places, '--output', files], {});
  assert.equal(made.code, 0, made.err);
  const config = loadClusterFile(join(files, 'meridian.yaml'), clusterConfigSchema, {});
  const secrets = loadSecrets(join(files, 'eu-west.secrets.yaml'));
  installLinkIdentity(linkIdentityOf(config, secrets));
  const { accessKeys } = secrets.shared;
  const scope = (name: 'viewer' | 'operator') =>
    requireScope(`admin:${name}`, config.clusterId, accessKeys);
  server = createServer({ logger, bodyBytesMax: 1000, requestTimeoutMs: 2000, link: 'admin' });
  const access = { requireViewer: scope('viewer'), requireOperator: scope('operator') };
  await server.register(adminRoutes({ ...asked, ...access }));
  server.get('/health', () => Promise.resolve({ alive: true }));
  const url = new URL(await server.listen({ host: address, port: 0 }));
  origin = `https://${address}:${url.port}`;
});

after(async () => {
  installLinkIdentity(null);
  await server?.close();
  rmSync(folder, { recursive: true, force: true });
});

function issue(name: string, ...more: string[]): Promise<CliResult> {
  const from = ['--authority', join(files, 'authority'), '--config', join(files, 'meridian.yaml')];
  return runCli(['certificates', 'operator', name, ...from, ...more], {});
}

/** On a machine that has nothing but the file. */
function asAlice(...args: string[]): Promise<CliResult> {
  const env = { MERIDIAN_CERTIFICATE: pem, MERIDIAN_DATA: join(folder, 'nobody') };
  return runCli([...args, '--endpoint', origin], env);
}

test('issued for a name and a role, it stands for a token', async () => {
  const issued = await issue('alice', '--role', 'operator', '--output', pem);
  assert.equal(issued.code, 0, issued.err);
  assert.match(issued.err, /alice, operator, 90 days, number [0-9a-f]{32}/);
  const status = await asAlice('status');
  assert.match(status.out, /^REGION/, status.err);
  const paused = await asAlice('pause', '--for', '1m');
  assert.equal(paused.code, 0, paused.err);
  assert.equal(asked.asked.at(-1)?.operation.by, 'alice');
});

test('what it does not allow, and a file that others may read, end with the reason', async () => {
  assert.equal((await issue('viewer', '--output', join(folder, 'viewer.pem'))).code, 0);
  const env = { MERIDIAN_CERTIFICATE: join(folder, 'viewer.pem') };
  const { code, err } = await runCli(['pause', '--endpoint', origin], env);
  assert.equal(code, 1);
  assert.match(err, /Forbidden: The certificate does not allow this/);
  chmodSync(pem, 0o644);
  assert.match((await asAlice('status')).err, /can be read by others/);
  chmodSync(pem, 0o600);
});

test('a name, a role, days that cannot be, a file that is there: wrong usage', async () => {
  for (const wrong of [
    issue('Alice,OU=region'),
    issue('alice', '--role', 'owner', '--output', join(folder, 'x.pem')),
    issue('alice', '--days', '500', '--output', join(folder, 'x.pem')),
    issue('alice', '--output', pem),
  ]) {
    assert.equal((await wrong).code, 2);
  }
});
