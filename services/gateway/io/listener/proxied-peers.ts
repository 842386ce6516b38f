/**
 * Who is behind the connections of trusted proxies that begin each with a PROXY protocol header.
 * Everybody else is served as usual: a PROXY header from them is no HTTP and is refused as such.
 */
import type { Server, Socket } from 'node:net';
import { parseProxyHeader } from '../../core/edge/proxy-protocol.ts';
import { normaliseAddress } from '../address-list.ts';

export interface PeerEnd {
  readonly remoteAddress?: string | undefined;
  readonly remotePort?: number | undefined;
}

/** Time for the header to arrive. */
const headerMs = 5000;

export class ProxiedPeers {
  /** The client's address by the proxy's address and port: TLS and HTTP/2 keep both. */
  readonly #clients = new Map<string, string>();

  /** The client's address as the proxy gave it, else the connection's own. */
  addressOf(end: PeerEnd): string {
    const own = end.remoteAddress ?? '';
    return this.#clients.size === 0 ? own : (this.#clients.get(keyOf(end)) ?? own);
  }

  /** Makes `server` read the header from those that `expectsHeader` names, asked each time. */
  expectAt(server: Server, expectsHeader: (address: string) => boolean): void {
    const serve = server.listeners('connection') as ((socket: Socket) => void)[];
    server.removeAllListeners('connection');
    server.on('connection', (socket: Socket) => {
      const accept = (): void => {
        for (const listener of serve) listener.call(server, socket);
      };
      if (!expectsHeader(normaliseAddress(socket.remoteAddress ?? '') ?? '')) {
        accept();
        return;
      }
      const key = keyOf(socket);
      readHeader(socket, (client) => {
        if (client !== null) {
          this.#clients.set(key, client);
          socket.on('close', () => this.#clients.delete(key));
        }
        accept();
      });
    });
  }
}

function keyOf({ remoteAddress, remotePort }: PeerEnd): string {
  return `${remoteAddress ?? ''} ${String(remotePort)}`;
}

/** Null: the proxy speaks for itself. A connection without a sound header ends. */
function readHeader(socket: Socket, done: (address: string | null) => void): void {
  let bytes = Buffer.alloc(0);
  const end = (): void => void socket.destroy();
  const timer = setTimeout(end, headerMs);
  const onReadable = (): void => {
    const chunk = socket.read() as Buffer | null;
    if (chunk === null) return;
    bytes = Buffer.concat([bytes, chunk]);
    const header = parseProxyHeader(bytes);
    if (header.kind === 'incomplete') return;
    const address = header.kind === 'proxied' ? normaliseAddress(header.address) : null;
    if (header.kind === 'malformed' || (header.kind === 'proxied' && address === null)) {
      end();
      return;
    }
    clearTimeout(timer);
    socket.removeListener('readable', onReadable);
    for (const name of ['error', 'end']) socket.removeListener(name, end);
    const rest = bytes.subarray(header.length);
    if (rest.length > 0) socket.unshift(rest);
    done(address);
  };
  socket.on('close', () => clearTimeout(timer));
  for (const name of ['error', 'end']) socket.on(name, end);
  socket.on('readable', onReadable);
}
