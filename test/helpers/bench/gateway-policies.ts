/**
 * The gateway with all policies as its bench measures it: three regions that geography decides
 * between, tokens of an identity provider of the bench's own, one route with a limit in Redis, a
 * list of addresses and security headers. And what proves that each policy works.
 */
import { createServer, type Server } from 'node:http';
import geoip from 'geoip-lite';
import { exportJWK, generateKeyPair, SignJWT } from 'jose';
import { request } from 'undici';
import { eventually } from '../eventually.ts';
import { startGatewayProcess, type GatewayProcess } from '../gateway-process.ts';
import { testCluster, testSecrets } from '../gateway.ts';
import type { TestRedis } from '../redis.ts';

export interface PolicyGateway {
  /** The one in the clients' own region; the others only have to be there. */
  readonly gateway: GatewayProcess;
  readonly tokens: readonly string[];
  /** Makes wrk send what the clients send. */
  readonly script: string;
  stop(): Promise<void>;
}

const [issuer, audience] = ['bench', 'gateway'];
const blocked = '198.51.100.7';
/** In Western Europe, and none of the clients'. */
const floodAddress = '91.198.174.192';
/** Of each client address; the clients together stay far below. */
const limit = { perSecond: 600, burst: 600 };
const clientCount = 1000;
const tokenCount = 100;
const nearEurope = ['GB', 'IE', 'FR', 'NL', 'BE', 'DE', 'ES', 'PT', 'IT', 'CH', 'AT', 'DK'];

/** `addresses`: of the three regions' gateways and of the identity provider. */
export async function startPolicyGateway(
  upstream: string,
  [provider = '', ...addresses]: readonly string[],
  redis: TestRedis,
): Promise<PolicyGateway> {
  const identity = await startIdentityProvider(provider);
  const ids = ['eu-west', 'us-east', 'ap-south'];
  const cluster = testCluster(
    Object.fromEntries(ids.map((id, index) => [id, addresses[index] ?? ''])),
  );
  const { shared } = testSecrets('eu-west');
  const config = {
    groups: { default: { targets: [{ url: upstream }] } },
    trustedProxies: ['127.0.0.0/8'],
    jwt: { jwksUrl: identity.url, issuer, audience },
    routes: [
      {
        ...{ id: 'measured', group: 'default', securityHeaders: true, rateLimit: limit },
        auth: { accept: ['jwt'], scopes: ['shop:read'] },
        deny: [`${blocked}/32`],
      },
    ],
  };
  const gateways: GatewayProcess[] = [];
  for (const region of ids) {
    const secrets = testSecrets(region, shared);
    const own = region === 'eu-west' ? { redis: redis.target } : {};
    const common = { cluster, region, secrets, config, accessLogPath: '/dev/null' };
    gateways.push(await startGatewayProcess({ ...common, ...own }));
  }
  const [gateway] = gateways;
  if (gateway === undefined) throw new Error('no gateway');
  const made = { gateway, tokens: identity.tokens };
  // Geography decides once the other regions are known to be healthy.
  const away = { 'x-forwarded-for': '8.8.8.8' };
  await eventually(async () => (await askAs(made, away)).region === 'us-east');
  return {
    ...made,
    script: luaScript(identity.tokens),
    async stop() {
      for (const one of gateways) await one.kill();
      identity.server.close();
    },
  };
}

export interface PolicyProof {
  /** Status of the answer to each. */
  readonly badToken: number;
  readonly blockedAddress: number;
  readonly overLimit: number;
  /** Who served a client near another region. */
  readonly farClient: string;
}

/** One bad token, one blocked address, one client over its limit, one client near elsewhere. */
export async function provePolicies(made: PolicyGateway): Promise<PolicyProof> {
  const badToken = await askAs(made, { authorization: 'Bearer a.b.c' });
  const blockedAddress = await askAs(made, { 'x-forwarded-for': blocked });
  const far = await askAs(made, { 'x-forwarded-for': '8.8.8.8' });
  const until = performance.now() + 10_000;
  let overLimit = 0;
  const flood = async (): Promise<void> => {
    while (overLimit !== 429 && performance.now() < until) {
      const { status } = await askAs(made, { 'x-forwarded-for': floodAddress });
      if (status !== 200) overLimit = status;
    }
  };
  await Promise.all(Array.from({ length: 50 }, flood));
  const statuses = { badToken: badToken.status, blockedAddress: blockedAddress.status };
  return { ...statuses, overLimit, farClient: far.region };
}

async function askAs(
  { gateway, tokens }: Pick<PolicyGateway, 'gateway' | 'tokens'>,
  headers: Record<string, string>,
): Promise<{ readonly status: number; readonly region: string }> {
  const all = { authorization: `Bearer ${tokens[0] ?? ''}`, ...headers };
  const reply = await request(gateway.origin, { headers: all });
  await reply.body.dump();
  return { status: reply.statusCode, region: String(reply.headers['meridian-region']) };
}

/** Keys at a URL, and tokens of many subjects, signed with two kinds of them. */
async function startIdentityProvider(
  host: string,
): Promise<{ readonly url: string; readonly tokens: readonly string[]; readonly server: Server }> {
  const pairs = await Promise.all(
    (['RS256', 'ES256'] as const).map(async (alg) => {
      const { privateKey, publicKey } = await generateKeyPair(alg);
      return { alg, privateKey, jwk: { ...(await exportJWK(publicKey)), kid: alg, alg } };
    }),
  );
  const body = JSON.stringify({ keys: pairs.map(({ jwk }) => jwk) });
  const server = createServer((_, reply) => {
    reply.setHeader('content-type', 'application/json').end(body);
  });
  await new Promise<void>((resolve) => server.listen(8080, host, resolve));
  const tokens = await Promise.all(
    Array.from({ length: tokenCount }, (_, n) => {
      const { alg, privateKey } = pairs[n % pairs.length] ?? {};
      if (alg === undefined || privateKey === undefined) throw new Error('no key');
      return new SignJWT({ scope: 'shop:read' })
        .setProtectedHeader({ alg, kid: alg })
        .setSubject(`client-${String(n)}`)
        .setIssuer(issuer)
        .setAudience(audience)
        .setIssuedAt()
        .setExpirationTime('1h')
        .sign(privateKey);
    }),
  );
  return { url: `http://${host}:8080/`, tokens, server };
}

/** Addresses that the tables place near the first region. */
function clientAddresses(): readonly string[] {
  const found: string[] = [];
  for (let n = 0; found.length < clientCount && n < 65_536; n += 1) {
    const address = `91.${String(n % 250)}.${String((n * 7) % 250)}.${String((n % 249) + 1)}`;
    if (nearEurope.includes(geoip.lookup(address)?.country ?? '')) found.push(address);
  }
  return found;
}

/** Clients of many addresses, each with a token; made beforehand: wrk shares the machine. */
function luaScript(tokens: readonly string[]): string {
  const list = (texts: readonly string[]): string => texts.map((text) => `'${text}'`).join(',\n');
  return `
local addresses = { ${list(clientAddresses())} }
local tokens = { ${list(tokens)} }
local requests = {}
local next = 0
init = function()
  for n = 1, #addresses do
    wrk.headers['authorization'] = 'Bearer ' .. tokens[n % #tokens + 1]
    wrk.headers['x-forwarded-for'] = addresses[n]
    requests[n] = wrk.format('GET', '/')
  end
end
request = function()
  next = next % #requests + 1
  return requests[next]
end
`;
}
