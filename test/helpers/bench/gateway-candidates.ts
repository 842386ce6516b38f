/** The processes that the gateway's bench compares, on addresses of their own. */
import { fork, spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import http from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { request } from 'undici';
import { signAccessToken } from '../../../shared/auth/access-token.ts';
import { eventually } from '../eventually.ts';
import { startGatewayProcess, type GatewayProcess } from '../gateway-process.ts';
import { loopbackAddresses, testCluster, testSecrets } from '../gateway.ts';
import { startTestRedis, type TestRedis } from '../redis.ts';
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
  readonly policiesOrigin: string;
  readonly token: string;
  memoryAtStreams(count: number): Promise<MemoryAtStreams>;
  stop(): Promise<void>;
}

const peers = join(import.meta.dirname, '../../fixtures/gateway/peers');
const blocked = '198.51.100.7';

/** Everything up and answering. */
export async function startBench(): Promise<GatewayBench> {
  const folder = mkdtempSync(join(tmpdir(), 'meridian-bench-'));
  const addresses = loopbackAddresses(10);
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
  for (const [name, config] of Object.entries(nativeConfigs(folder, upstream, at))) {
    const binary = findProgram(name);
    if (binary === null) continue;
    const child = spawn(binary, config.args, { stdio: 'ignore' });
    children.push(child);
    await eventually(() => answers(config.url));
    candidates.push({ name, url: config.url, script, pids: [child.pid ?? 0] });
  }
  const bareDispatch = await program('bare-dispatch', 3, upstream);
  const httpProxy = await program('http-proxy', 4, upstream);
  const redis = await startTestRedis(at(7));
  const made = await startGateways(
    upstream,
    { routing: at(5), policies: at(6), twice: at(8) },
    redis,
  );
  const lua = join(folder, 'policies.lua');
  writeFileSync(lua, luaScript(made.token));
  const { routing, policies, twice } = made;
  // Peers get the same requests as what they are compared with.
  candidates.push(
    { name: 'bare undici dispatch', ...bareDispatch },
    { name: '@fastify/http-proxy', ...httpProxy, script: lua },
    { name: 'meridian, routing', url: routing.origin, script, pids: pidsOf(routing) },
    {
      name: 'meridian, all policies',
      url: `${policies.origin}/free`,
      script: lua,
      pids: pidsOf(policies),
    },
  );
  return {
    candidates,
    twice: {
      ...{ name: 'meridian, two processes', url: twice[0]?.origin ?? '', script },
      pids: twice.flatMap(pidsOf),
    },
    policiesOrigin: made.policies.origin,
    token: made.token,
    async memoryAtStreams(count) {
      const fresh = await made.startFresh(at(9));
      try {
        return await memoryOf(fresh, count);
      } finally {
        await fresh.kill();
      }
    },
    async stop() {
      for (const gateway of [routing, policies, ...twice]) await gateway.kill();
      for (const child of children) child.kill('SIGKILL');
      await redis.stop();
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

const pidsOf = ({ child }: GatewayProcess): number[] => [child.pid ?? 0];

export type Refusals = Readonly<Record<'badToken' | 'blockedAddress' | 'overLimit', number>>;

/** One bad token, one blocked address, one client over its limit; how each was answered. */
export async function provePolicies(bench: GatewayBench): Promise<Refusals> {
  const ask = async (path: string, headers: Record<string, string>): Promise<number> => {
    const all = { authorization: `Bearer ${bench.token}`, ...headers };
    const reply = await request(`${bench.policiesOrigin}${path}`, { headers: all });
    await reply.body.dump();
    return reply.statusCode;
  };
  const badToken = await ask('/free', { authorization: 'Bearer a.b.c' });
  const blockedAddress = await ask('/free', { 'x-forwarded-for': blocked });
  let overLimit = 0;
  for (let i = 0; i < 50 && overLimit !== 429; i += 1) overLimit = await ask('/tight', {});
  return { badToken, blockedAddress, overLimit };
}

interface StartedGateways {
  readonly routing: GatewayProcess;
  readonly policies: GatewayProcess;
  readonly twice: readonly GatewayProcess[];
  readonly token: string;
  /** One that has had no load. */
  startFresh(address: string): Promise<GatewayProcess>;
}

async function startGateways(
  upstream: string,
  addresses: Readonly<Record<'routing' | 'policies' | 'twice', string>>,
  redis: TestRedis,
): Promise<StartedGateways> {
  const groups = { default: { targets: [{ url: upstream }] } };
  const secrets = testSecrets('eu-west');
  const start = (address: string, config: unknown): Promise<GatewayProcess> =>
    startGatewayProcess({
      cluster: { ...testCluster({ 'eu-west': address }), clusterId },
      region: 'eu-west',
      secrets,
      config,
      redis: redis.target,
      accessLogPath: '/dev/null',
    });
  const auth = { accept: ['meridian'], scopes: ['data:read'] };
  const policy = { group: 'default', auth, deny: [`${blocked}/32`], securityHeaders: true };
  const clusterId = '0d7f2f0c-7f0e-4b57-9a1c-52b1a1c0de00';
  const token = await signAccessToken({
    clusterId,
    keys: secrets.shared.accessKeys,
    scopes: ['data:read'],
    role: 'app',
    subject: 'bench',
    ttlSeconds: 3600,
  });
  return {
    token,
    startFresh: (address) => start(address, { groups }),
    routing: await start(addresses.routing, { groups }),
    twice: [
      await start(addresses.twice, { groups, reusePort: true }),
      await start(addresses.twice, { groups, reusePort: true }),
    ],
    policies: await start(addresses.policies, {
      groups,
      trustedProxies: ['127.0.0.0/8'],
      routes: [
        {
          ...{ ...policy, id: 'tight', match: { path: '/tight' } },
          rateLimit: { perSecond: 1, burst: 10 },
        },
        { ...policy, id: 'free', rateLimit: { perSecond: 100_000, burst: 100_000 } },
      ],
    }),
  };
}

/** Clients of many addresses, each with the token; made beforehand: wrk shares the machine. */
function luaScript(token: string): string {
  return `
local requests = {}
local next = 0
init = function()
  wrk.headers['authorization'] = 'Bearer ${token}'
  for n = 1, 1000 do
    wrk.headers['x-forwarded-for'] = '91.198.' .. (n % 200) .. '.' .. (n % 250 + 1)
    requests[n] = wrk.format('GET', '/free')
  end
end
request = function()
  next = next % 1000 + 1
  return requests[next]
end
`;
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
