/** Distance between hand-driven regions: each reaches the others through delaying proxies. */
import { startPairProxy } from '../../../services/local/wan/pair-proxy.ts';
import { WanDirection } from '../../../services/local/wan/wan-direction.ts';

export interface DelayedLinks {
  /** The addresses of all regions as the one at `index` reaches them. */
  hostsSeenBy(index: number): readonly string[];
  close(): Promise<void>;
}

const peerPort = 7082;

/** Proxies between regions at `addresses`, in the same network; each way takes `oneWayMs`. */
export async function delayLinks(
  addresses: readonly string[],
  oneWayMs: number,
): Promise<DelayedLinks> {
  const hostOf = (from: number, to: number): string =>
    from === to
      ? (addresses[to] ?? '')
      : (addresses[to] ?? '').replace(/\.\d+$/, `.${100 + 10 * from + to}`);
  const pairs = addresses.flatMap((_, from) =>
    addresses.flatMap((_, to) => (from === to ? [] : [{ from, to }])),
  );
  const direction = (from: number, to: number): WanDirection =>
    new WanDirection({ from: String(from), to: String(to), latencyMs: oneWayMs });
  const proxies = await Promise.all(
    pairs.map(({ from, to }) =>
      startPairProxy(
        {
          ...{ from: String(from), to: String(to), latencyMs: oneWayMs, ports: [peerPort] },
          ...{ address: hostOf(from, to), target: addresses[to] ?? '', host: '' },
        },
        { forward: direction(from, to), backward: direction(to, from) },
      ),
    ),
  );
  return {
    hostsSeenBy: (index) => addresses.map((_, to) => hostOf(index, to)),
    async close() {
      await Promise.all(proxies.map((proxy) => proxy.close()));
    },
  };
}
