/**
 * Accepts region links on the peer listener's `/peer/link`: other regions' replicators, by token.
 */
import type { IncomingMessage, Server } from 'node:http';
import type { Duplex } from 'node:stream';
import { WebSocketServer } from 'ws';
import { callingRegion } from '../../../../shared/auth/require-scope.ts';
import type { KeySet } from '../../../../shared/config/secrets-schema.ts';
import type { RegionId } from '../../../../shared/core/region.ts';
import type { Logger } from '../../../../shared/logging/logger.ts';
import { messageOf } from '../../../../shared/errors/meridian-error.ts';
import { LinkSession, type LinkSource } from './link-session.ts';

export const linkPath = '/peer/link';
/** A record at most, with its frame. */
export const linkPayloadBytesMax = 1024 * 1024 * 1024;

export interface LinkServerOptions {
  readonly clusterId: string;
  readonly peerKeys: KeySet;
  readonly logger: Logger;
  readonly source: LinkSource;
}

export class LinkServer {
  readonly #options: LinkServerOptions;
  readonly #server = new WebSocketServer({
    noServer: true,
    perMessageDeflate: false,
    maxPayload: linkPayloadBytesMax,
  });
  readonly #sessions = new Map<RegionId, LinkSession>();
  #isStopped = false;

  constructor(options: LinkServerOptions) {
    this.#options = options;
  }

  /** Takes the region links that come to `server`, the peer listener's. */
  attach(server: Server): void {
    server.on('upgrade', (request: IncomingMessage, socket: Duplex, head: Buffer) => {
      if (request.url !== linkPath) return;
      this.#accept(request, socket, head).catch((error: unknown) => {
        this.#options.logger.warn({ why: messageOf(error) }, 'region link refused');
        socket.end('HTTP/1.1 401 Unauthorized\r\nconnection: close\r\n\r\n');
      });
    });
  }

  isConnected(peer: RegionId): boolean {
    return this.#sessions.has(peer);
  }

  stop(): void {
    this.#isStopped = true;
    for (const session of this.#sessions.values()) session.close();
    this.#server.close();
  }

  async #accept(request: IncomingMessage, socket: Duplex, head: Buffer): Promise<void> {
    const { clusterId, peerKeys, source } = this.#options;
    const keys = { clusterId, keys: peerKeys };
    const peer = await callingRegion(request, request.socket, keys);
    if (this.#isStopped) throw new Error('the replicator is stopping');
    this.#server.handleUpgrade(request, socket, head, (webSocket) => {
      // One link per peer: a new one replaces an old one, which may be half-open.
      this.#sessions.get(peer)?.close();
      const session = new LinkSession(peer, webSocket, source);
      this.#sessions.set(peer, session);
      webSocket.on('close', () => {
        if (this.#sessions.get(peer) === session) this.#sessions.delete(peer);
      });
      this.#options.logger.info({ peer }, 'region link accepted');
    });
  }
}
