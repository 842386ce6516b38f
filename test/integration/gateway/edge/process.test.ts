/**
 * The gateway as users run it: services/main.ts with a cluster file, alone in its process. The
 * region's controller is a view in this process, served as the controller's own process would.
 */
// test: light
import assert from 'node:assert/strict';
import { execFile, fork, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { chmod, cp, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { promisify } from 'node:util';
import type { FastifyInstance } from 'fastify';
import { pino } from 'pino';
import { createMeridianProcess } from '../../../../services/local/parts/meridian.ts';
import { openRegionContext } from '../../../../services/local/region-context.ts';
import { regionPaths } from '../../../../services/local/region-paths.ts';
import { requirePeer } from '../../../../shared/auth/require-scope.ts';
import type { ClusterBase } from '../../../../shared/config/cluster-schema.ts';
import type { Secrets } from '../../../../shared/config/secrets-schema.ts';
import type { RegionId } from '../../../../shared/core/region.ts';
import { regionControlRoutes } from '../../../../shared/http/control-routes.ts';
import { createServer } from '../../../../shared/http/server.ts';
import { systemClock } from '../../../../shared/runtime/system-clock.ts';
import { makeCertificate } from '../../../helpers/edge/certificate.ts';
import { migrateConnections, startSteadyClients } from '../../../helpers/edge/steady-clients.ts';
import { eventually } from '../../../helpers/eventually.ts';
import { loopbackAddresses, testCluster, testSecrets } from '../../../helpers/gateway.ts';
import { routerView } from '../../../helpers/router-view.ts';
import { startHttpUpstream, type HttpUpstream } from '../../../helpers/http-upstream.ts';

const limits = { bodyBytesMax: 1000, requestTimeoutMs: 10_000 };
const program = join(import.meta.dirname, '../../../../services/main.ts');
let folder: string;
let address: string;
let cluster: ClusterBase;
let slowRequests = 0;
let upstream: HttpUpstream;
let section: Record<string, unknown>;
let secrets: Secrets;
const children: ChildProcess[] = [];
let controller: FastifyInstance;

before(async () => {
  folder = await mkdtemp(join(tmpdir(), 'meridian-gateway-'));
  [address = ''] = loopbackAddresses(1);
  upstream = await startHttpUpstream((request, reply) => {
    const isSlow = request.url === '/new/slow';
    if (isSlow) slowRequests += 1;
    setTimeout(() => reply.end(`served ${request.url ?? ''}`), isSlow ? 1500 : 0);
  });
  const tls = { certPath: join(folder, 'cert.pem'), keyPath: join(folder, 'key.pem') };
  await makeCertificate(tls, [`IP:${address}`]);
  section = {
    groups: { default: { targets: [{ url: upstream.origin }] } },
    routes: [{ id: 'default', group: 'default' }],
    tls,
    reusePort: true,
    drainNoticeMs: 500,
  };
  cluster = splitCluster();
  await writeSection(section);
  secrets = testSecrets('eu-west');
  await writeFile(join(folder, 'secrets.yaml'), JSON.stringify(secrets), { mode: 0o600 });
  controller = createServer({ logger: pino({ level: 'silent' }), ...limits });
  const control = { view: () => routerView(), onChange: () => () => undefined };
  const peer = requirePeer(cluster.clusterId, secrets.shared.peerKeys);
  await controller.register(regionControlRoutes(control, systemClock, peer));
  await controller.listen({ host: address, port: 7182 });
});

after(async () => {
  for (const child of children) child.kill('SIGKILL');
  await Promise.all([upstream.close(), controller.close()]);
  await rm(folder, { recursive: true });
});

/** The gateway's process has the usual ports, the region's other process others. */
function splitCluster(): ClusterBase {
  const made = testCluster({ 'eu-west': address });
  const own = { services: ['gateway' as const], listeners: portsFrom(7080) };
  const regions = made.regions.map((region) => ({
    ...region,
    listeners: portsFrom(7180),
    processes: [own],
  }));
  return { ...made, regions };
}

function portsFrom(first: number): { public: number; admin: number; peer: number } {
  return { public: first, admin: first + 1, peer: first + 2 };
}

async function writeSection(gateway: object): Promise<void> {
  await writeFile(join(folder, 'meridian.yaml'), JSON.stringify({ ...cluster, gateway }));
}

async function curl(...args: string[]): Promise<string> {
  const all = ['-sSk', '--max-time', '8', ...args];
  return promisify(execFile)('curl', all).then(
    ({ stdout }) => stdout,
    () => '',
  );
}

/** Started and listening. */
async function start(): Promise<ChildProcess> {
  const files = ['--config', join(folder, 'meridian.yaml'), '--secrets'];
  const own = [join(folder, 'secrets.yaml'), '--region', 'eu-west', '--services', 'gateway'];
  const child = fork(program, [...files, ...own], {
    stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
  });
  children.push(child);
  const [message] = (await once(child, 'message')) as [unknown];
  assert.equal(message, 'started');
  return child;
}

test('it serves over TLS, follows its file, and hands over to a second process', async () => {
  const url = `https://${address}:7080`;
  const first = await start();
  assert.equal(await curl('--http2', `${url}/a`), 'served /a');
  assert.match(await curl(`http://${address}:7081/health`), /alive/);
  const ready = await curl(`${url}/health/ready`);
  assert.match(ready, /"name":"gateway-certificate","ok":true/);

  await writeSection({ ...section, routes: [{ id: 'b', group: 'default', rewrite: '/new/' }] });
  await eventually(async () => (await curl(`${url}/a`)) === 'served /new/a');

  const second = await start();
  const slow = curl(`${url}/slow`);
  await eventually(() => slowRequests === 1);
  const gone = once(first, 'exit');
  first.kill('SIGTERM');
  assert.deepEqual(await gone, [0, null]);
  assert.equal(await slow, 'served /new/slow');
  assert.equal(await curl(`${url}/c`), 'served /new/c');
  const end = once(second, 'exit');
  second.kill('SIGTERM');
  assert.deepEqual(await end, [0, null]);
});

test('the agent starts a gateway anew beside another one, and nobody notices', async (context) => {
  const migration = await migrateConnections();
  context.after(() => migration.restore());
  if (!migration.isOn) return context.skip('net.ipv4.tcp_migrate_req cannot be set');
  await writeSection({ ...section, tls: undefined });
  await chmod(folder, 0o755);
  const paths = regionPaths(join(folder, 'region'));
  const files = { cluster, clusterFile: join(folder, 'meridian.yaml'), paths, secrets };
  const logger = pino({ level: 'silent' });
  const region = await openRegionContext({ ...files, logger, region: 'eu-west' as RegionId });
  await cp(join(folder, 'secrets.yaml'), paths.secretsFile);
  const services = ['gateway'] as const;
  const own = { name: 'meridian-gateway', services, listeners: portsFrom(7080) };
  const managed = createMeridianProcess(region, own);
  context.after(() => managed.stop());
  // The port alone does not tell which of two processes answers on it.
  const hasStarted = async (times: number): Promise<boolean> => {
    const log = await readFile(managed.state().logFile, 'utf8').catch(() => '');
    return log.split('"service started"').length > times;
  };
  managed.start();
  await eventually(() => hasStarted(1), { deadlineMs: 30_000 });

  const clients = startSteadyClients(`http://${address}:7080/`);
  context.after(() => clients.stop());
  await eventually(() => clients.replies > 100, { deadlineMs: 30_000 });
  const beside = await start();
  managed.signal('SIGTERM');
  await eventually(() => hasStarted(2), { deadlineMs: 30_000 });
  const gone = once(beside, 'exit');
  beside.kill('SIGTERM');
  assert.deepEqual(await gone, [0, null]);
  const soFar = clients.replies;
  await eventually(() => clients.replies > soFar + 100, { deadlineMs: 30_000 });
  await clients.stop();
  assert.deepEqual(clients.failures, []);
});
