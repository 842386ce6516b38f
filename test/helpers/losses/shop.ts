/**
 * A shop behind the gateways of a test cluster, whose route needs the region's Redis for all that
 * it can: a rate limit, session context, sticky cookies, and instances that register themselves.
 */
import { sleep } from '../../../shared/runtime/sleep.ts';
import type { TestCluster } from '../cluster.ts';
import { eventually } from '../eventually.ts';

/** Addresses that geoip-lite's tables place near each region. */
export const clientAddresses: Readonly<Record<string, string>> = {
  'eu-west': '91.198.174.192',
  'us-east': '8.8.8.8',
  'ap-south': '49.44.64.1',
};

/** The gateway's section of the cluster file. */
export const shopSection = {
  trustedProxies: ['127.0.0.0/8'],
  groups: {
    default: { targets: [{ url: 'http://{host}:7090' }] },
    shop: { registry: { enabled: true, networks: ['127.0.0.0/8'] } },
  },
  routes: [
    {
      ...{ id: 'shop', group: 'shop', match: { path: '/shop' } },
      rateLimit: { perSecond: 300, burst: 300 },
      session: {},
      sticky: { secure: false },
    },
    { id: 'default', group: 'default' },
  ],
};

export interface Shop {
  stop(): Promise<void>;
}

/** The sample upstream of each region registers in its region, again and again. Serving. */
export async function openShop(cluster: TestCluster): Promise<Shop> {
  const end = new AbortController();
  const token = await cluster.token('upstream:register');
  const keepers = cluster.regionIds.map(async (id) => {
    const upstream = `http://${cluster.region(id).bind}:7090`;
    const url = `${cluster.origin(id, 'admin')}/admin/registry/shop/${id}`;
    while (!end.signal.aborted) {
      await cluster.listeners
        .fetch(url, {
          method: 'PUT',
          headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json' },
          body: JSON.stringify({ url: upstream, ttlMs: 6000 }),
        })
        .then(
          (reply) => reply.arrayBuffer(),
          // It tries again, as an instance does that cannot register.
          () => undefined,
        );
      await sleep(2000, end.signal);
    }
  });
  for (const id of cluster.regionIds) {
    await eventually(() => isOpen(cluster, id), { deadlineMs: 30_000 });
  }
  return {
    async stop() {
      end.abort();
      await Promise.all(keepers);
    },
  };
}

/** Whether clients near every region are served there by the gateway of `id`. */
async function isOpen(cluster: TestCluster, id: string): Promise<boolean> {
  for (const near of cluster.regionIds) {
    const headers = { 'x-forwarded-for': clientAddresses[near] ?? '' };
    const reply = await cluster.listeners.fetch(`${cluster.origin(id)}/shop`, { headers });
    await reply.arrayBuffer();
    if (reply.status !== 200 || reply.headers.get('meridian-region') !== near) return false;
  }
  return true;
}
