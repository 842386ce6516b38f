/** All proxies of a cluster's WAN, and the change of one direction at run time. */
import { MeridianError } from '../../../shared/errors/meridian-error.ts';
import { startPairProxy, type PairProxy } from './pair-proxy.ts';
import { WanDirection, type DirectionChange, type DirectionReport } from './wan-direction.ts';
import type { WanPair, WanSettings } from './wan-settings.ts';

export interface WanProxy {
  directions(): DirectionReport[];
  /** Throws RequestInvalid for a pair that does not exist. */
  change(from: string, to: string, change: DirectionChange): DirectionReport;
  close(): Promise<void>;
}

/** Starts a proxy for every ordered pair. Throws when an address is taken. */
export async function startWanProxy(settings: Pick<WanSettings, 'pairs'>): Promise<WanProxy> {
  const directions = new Map(settings.pairs.map((pair) => [key(pair), new WanDirection(pair)]));
  const directionOf = (from: string, to: string): WanDirection => {
    const direction = directions.get(key({ from, to }));
    if (direction !== undefined) return direction;
    throw new MeridianError('RequestInvalid', `There is no direction from ${from} to ${to}.`);
  };
  const proxies: PairProxy[] = [];
  const close = async (): Promise<void> => {
    await Promise.all(proxies.map((proxy) => proxy.close()));
  };
  try {
    for (const pair of settings.pairs) {
      const forward = directionOf(pair.from, pair.to);
      const backward = directionOf(pair.to, pair.from);
      proxies.push(await startPairProxy(pair, { forward, backward }));
    }
  } catch (error) {
    await close();
    throw error;
  }
  return {
    directions: () => [...directions.values()].map((direction) => direction.report()),
    change(from, to, change) {
      const direction = directionOf(from, to);
      direction.change(change);
      return direction.report();
    },
    close,
  };
}

function key({ from, to }: Pick<WanPair, 'from' | 'to'>): string {
  return `${from} ${to}`;
}
