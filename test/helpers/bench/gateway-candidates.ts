/** The processes that the gateway's bench compares, on addresses of their own. */
import { fork, spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import http from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { request } from 'undici';
import { eventually } from '../eventually.ts';
import { startGatewayProcess, type GatewayProcess } from '../gateway-process.ts';
import { loopbackAddresses, testCluster, testSecrets } from '../gateway.ts';
import { startTestRedis } from '../redis.ts';
import { startPolicyGateway, type PolicyGateway } from './gateway-policies.ts';
import { geoTableBytes } from './geo-tables.ts';
import { findProgram } from './wrk.ts';

export interface Candidate {
  readonly name: string;
  readonly url: string;
  readonly script: string | null;
  /** The processes that do the work. */
  readonly pids: readonly number[];
}

/** Resident memory of the gateway in megabytes, its tables of addresses apart. */
export interface MemoryAtStreams {
  readonly idle: number;
  readonly streaming: number;
}

export interface GatewayBench {
  readonly candidates: readonly Candidate[];
  /** The gateway with routing alone, as two processes on one address. */
  readonly twice: Candidate;
  readonly policies: PolicyGateway;
  /** Peers that are not installed. */
  readonly missing: readonly string[];
  memoryAtStreams(count: number): Promise<MemoryAtStreams>;
  stop(): Promise<void>;
}

const peers = join(import.meta.dirname, '../../fixtures/gateway/peers');

/** Everything up and answering. */
export async function startBench(): Promise<GatewayBench> {
  const folder = mkdtempSync(join(tmpdir(), 'meridian-bench-'));
  const addresses = loopbackAddresses(14);
  const at = (index: number): string => addresses[index] ?? '';
  const children: ChildProcess[] = [];
  const script = null;
  const program = async (file: string, index: number, ...args: string[]) => {
    const child = fork(join(peers, `${file}.ts`), [at(index), '8080', ...args]);
    children.push(child);
    await once(child, 'message');
    return { url: `http://${at(index)}:8080`, script, pids: [child.pid ?? 0] };
  };
  const hello = await program('hello', 0);
  const upstream = hello.url;
  const candidates: Candidate[] = [{ name: 'direct', ...hello }];
  const missing: string[] = [];
  for (const [name, config] of Object.entries(nativeConfigs(folder, upstream, at))) {
    const binary = findProgram(name);
    if (binary === null) {
      missing.push(name);
      continue;
    }
    const child = spawn(binary, config.args, { stdio: 'ignore' });
    children.push(child);
    await eventually(() => answers(config.url));
    candidates.push({ name, url: config.url, script, pids: [child.pid ?? 0] });
  }
  const bareDispatch = await program('bare-dispatch', 3, upstream);
  const httpProxy = await program('http-proxy', 4, upstream);
  const redis = await startTestRedis(at(7));
  const { routing, twice, startFresh } = await startRouting(upstream, {
    ...{ routing: at(5), twice: at(8) },
  });
  const policies = await startPolicyGateway(upstream, addresses.slice(10), redis);
  const lua = join(folder, 'policies.lua');
  writeFileSync(lua, policies.script);
  // Peers get the same requests as what they are compared with.
  candidates.push(
    { name: 'bare undici dispatch', ...bareDispatch },
    { name: '@fastify/http-proxy', ...httpProxy, script: lua },
    { name: 'meridian, routing', url: routing.origin, script, pids: pidsOf(routing) },
    {
      ...{ name: 'meridian, all policies', url: policies.gateway.origin, script: lua },
      pids: pidsOf(policies.gateway),
    },
  );
  return {
    ...{ candidates, missing, policies },
    twice: {
      ...{ name: 'meridian, two processes', url: twice[0]?.origin ?? '', script },
      pids: twice.flatMap(pidsOf),
    },
    async memoryAtStreams(count) {
      const fresh = await startFresh(at(9));
      try {
        return await memoryOf(fresh, count);
      } finally {
        await fresh.kill();
      }
    },
    async stop() {
      for (const gateway of [routing, ...twice]) await gateway.kill();
      await policies.stop();
      for (const child of children) child.kill('SIGKILL');
      await redis.stop();
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

const pidsOf = ({ child }: GatewayProcess): number[] => [child.pid ?? 0];

interface RoutingGateways {
  readonly routing: GatewayProcess;
  readonly twice: readonly GatewayProcess[];
  /** One that has had no load. */
  startFresh(address: string): Promise<GatewayProcess>;
}

/** Gateways with routing alone: balancing, breaker, retry budget, checks, metrics, access log. */
async function startRouting(
  upstream: string,
  addresses: Readonly<Record<'routing' | 'twice', string>>,
): Promise<RoutingGateways> {
  const groups = { default: { targets: [{ url: upstream }] } };
  const secrets = testSecrets('eu-west');
  const start = (address: string, config: unknown): Promise<GatewayProcess> =>
    startGatewayProcess({
      cluster: testCluster({ 'eu-west': address }),
      region: 'eu-west',
      ...{ secrets, config, accessLogPath: '/dev/null' },
    });
  const shared = { groups, reusePort: true };
  return {
    startFresh: (address) => start(address, { groups }),
    routing: await start(addresses.routing, { groups }),
    twice: [await start(addresses.twice, shared), await start(addresses.twice, shared)],
  };
}

interface NativeConfig {
  readonly args: string[];
  readonly url: string;
}

/** One worker each, kept-alive connections to the upstream, no access log. */
function nativeConfigs(
  folder: string,
  upstream: string,
  at: (index: number) => string,
): Readonly<Record<string, NativeConfig>> {
  const target = upstream.replace('http://', '');
  const nginx = join(folder, 'nginx.conf');
  writeFileSync(
    nginx,
    `master_process off; daemon off; pid ${folder}/nginx.pid; error_log /dev/null;
events { worker_connections 4096; }
http {
  access_log off; client_body_temp_path ${folder}/b; proxy_temp_path ${folder}/p;
  fastcgi_temp_path ${folder}/f; uwsgi_temp_path ${folder}/u; scgi_temp_path ${folder}/s;
  keepalive_requests 100000000;
  upstream hello { server ${target}; keepalive 256; keepalive_requests 100000000; }
  server {
    listen ${at(1)}:8080;
    location / { proxy_pass http://hello; proxy_http_version 1.1; proxy_set_header Connection ''; }
  }
}
`,
  );
  const haproxy = join(folder, 'haproxy.cfg');
  writeFileSync(
    haproxy,
    `global
  nbthread 1
defaults
  mode http
  timeout connect 5s
  timeout client 60s
  timeout server 60s
frontend f
  bind ${at(2)}:8080
  default_backend b
backend b
  server s ${target}
`,
  );
  return {
    nginx: { args: ['-c', nginx, '-p', folder], url: `http://${at(1)}:8080` },
    haproxy: { args: ['-f', haproxy], url: `http://${at(2)}:8080` },
  };
}

async function answers(url: string): Promise<boolean> {
  try {
    const reply = await request(url);
    await reply.body.dump();
    return reply.statusCode === 200;
  } catch {
    return false;
  }
}

async function memoryOf(gateway: GatewayProcess, count: number): Promise<MemoryAtStreams> {
  const geoBytes = geoTableBytes();
  const before = (await gateway.memory()).rss;
  const agent = new http.Agent({ maxSockets: Infinity });
  const replies = await Promise.all(
    Array.from({ length: count }, async () => {
      const client = http.get(`${gateway.origin}/stream`, { agent });
      const [reply] = (await once(client, 'response')) as [http.IncomingMessage];
      if (reply.statusCode !== 200) throw new Error(`a stream got ${String(reply.statusCode)}`);
      reply.resume();
      return reply;
    }),
  );
  await new Promise((resolve) => setTimeout(resolve, 2500));
  const after = (await gateway.memory()).rss;
  for (const reply of replies) reply.destroy();
  agent.destroy();
  return { idle: (before - geoBytes) / 1e6, streaming: (after - geoBytes) / 1e6 };
}
