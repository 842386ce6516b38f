/**
 * The TCP proxies of one ordered pair of regions: connections that `from` makes to `to`. Their
 * bytes travel in both directions, so both directions' faults act on them.
 */
import { connect, createServer, type Server, type Socket } from 'node:net';
import { DelayLine } from './delay-line.ts';
import type { WanDirection } from './wan-direction.ts';
import type { WanPair } from './wan-settings.ts';

export interface PairProxy {
  readonly connections: () => number;
  close(): Promise<void>;
}

export interface PairDirections {
  readonly forward: WanDirection;
  readonly backward: WanDirection;
}

/** Listens at the pair's address on each port of `to`. Throws when an address is taken. */
export async function startPairProxy(
  pair: WanPair,
  directions: PairDirections,
): Promise<PairProxy> {
  const open = new Set<ProxiedConnection>();
  const servers: Server[] = [];
  const onChange = (): void => {
    for (const connection of [...open]) connection.directionChanged();
  };
  const stops = [directions.forward.onChange(onChange), directions.backward.onChange(onChange)];
  for (const port of pair.ports) {
    const target = { host: pair.target, port };
    const server = createServer({ allowHalfOpen: true, noDelay: true }, (socket) => {
      const connection = new ProxiedConnection(socket, { target, directions });
      open.add(connection);
      void connection.ended.then(() => open.delete(connection));
    });
    servers.push(server);
    await new Promise<void>((resolve, reject) => {
      server.once('error', reject);
      server.listen({ host: pair.address, port }, resolve);
    });
  }
  return {
    connections: () => open.size,
    async close() {
      for (const stop of stops) stop();
      for (const connection of [...open]) connection.reset();
      await Promise.all(
        servers.map((server) => new Promise<void>((resolve) => server.close(() => resolve()))),
      );
    },
  };
}

/** A connection of the near region, and the one made for it to the far region. */
class ProxiedConnection {
  readonly ended: Promise<void>;
  readonly #near: Socket;
  readonly #target: { readonly host: string; readonly port: number };
  readonly #directions: PairDirections;
  readonly #markEnded: () => void;
  readonly #acceptedMs = performance.now();
  #far: Socket | null = null;
  #lines: DelayLine[] = [];
  #dialTimer: NodeJS.Timeout | null = null;

  constructor(
    near: Socket,
    options: { target: { host: string; port: number }; directions: PairDirections },
  ) {
    const { promise, resolve } = Promise.withResolvers<void>();
    this.ended = promise;
    this.#markEnded = resolve;
    this.#near = near;
    this.#target = options.target;
    this.#directions = options.directions;
    near.pause();
    near.on('error', () => undefined);
    near.on('close', () => this.#closeFar());
    this.directionChanged();
  }

  /** A cut resets; a connection asked for is made once both directions carry packets again. */
  directionChanged(): void {
    const { forward, backward } = this.#directions;
    if (forward.state === 'cut' || backward.state === 'cut') {
      this.reset();
      return;
    }
    const isOpen = forward.state === 'open' && backward.state === 'open';
    if (!isOpen || this.#far !== null || this.#dialTimer !== null) return;
    this.#dialTimer = setTimeout(() => this.#dial(), forward.delayMs);
  }

  reset(): void {
    if (this.#dialTimer !== null) clearTimeout(this.#dialTimer);
    for (const line of this.#lines) line.close();
    this.#near.resetAndDestroy();
    this.#far?.resetAndDestroy();
    this.#markEnded();
  }

  #dial(): void {
    if (this.#near.destroyed) return;
    const { forward, backward } = this.#directions;
    const far = connect({ ...this.#target, allowHalfOpen: true, noDelay: true });
    this.#far = far;
    far.on('error', () => undefined);
    far.on('close', (wasError) => this.#farClosed(wasError));
    const roundTripMs = forward.delayMs + backward.delayMs;
    const near = this.#near;
    far.once('connect', () => {
      this.#lines = [
        new DelayLine(forward, {
          source: near,
          target: far,
          notBeforeMs: this.#acceptedMs + roundTripMs,
        }),
        new DelayLine(backward, { source: far, target: near, notBeforeMs: 0 }),
      ];
      near.resume();
    });
  }

  /** The near side is gone; the far side learns it when the news has travelled. */
  #closeFar(): void {
    if (this.#far === null || this.#far.destroyed) {
      this.#finish();
      return;
    }
    // An orderly end is on the line behind the bytes; the far side closes when it has come.
    if (this.#near.readableEnded && this.#near.writableEnded) return;
    this.#afterTravel(this.#directions.forward, () => {
      if (this.#far?.writableEnded === false) this.#far.resetAndDestroy();
      this.#finish();
    });
  }

  #farClosed(wasError: boolean): void {
    if (this.#near.destroyed) {
      this.#finish();
      return;
    }
    if (this.#far?.readableEnded === true && !wasError) return;
    this.#afterTravel(this.#directions.backward, () => {
      // A refused connection or a reset.
      if (!this.#near.writableEnded) this.#near.resetAndDestroy();
      this.#finish();
    });
  }

  /** News travel like bytes: after those before them, and not at all over a frozen line. */
  #afterTravel(direction: WanDirection, act: () => void): void {
    const tryNow = (): void => {
      if (direction.state === 'frozen') return;
      stop();
      setTimeout(act, direction.delayMs + 1);
    };
    const stop = direction.onChange(tryNow);
    tryNow();
  }

  #finish(): void {
    if (this.#dialTimer !== null) clearTimeout(this.#dialTimer);
    for (const line of this.#lines) line.close();
    this.#markEnded();
  }
}
