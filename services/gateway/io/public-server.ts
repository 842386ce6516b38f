/**
 * The server under the public listener: plain, or TLS with HTTP/2 and HTTP/1.1, whose certificate
 * is read anew when its file changes; behind proxies that begin connections with a PROXY header.
 */
import { readFileSync, unwatchFile, watchFile } from 'node:fs';
import http from 'node:http';
import http2 from 'node:http2';
import https from 'node:https';
import type { Server as NetServer, Socket } from 'node:net';
import { messageOf } from '../../../shared/errors/meridian-error.ts';
import { MeridianError } from '../../../shared/errors/meridian-error.ts';
import type { Logger } from '../../../shared/logging/logger.ts';
import type { GatewayConfig } from '../config.ts';
import { parseProxyHeader } from '../core/proxy-protocol.ts';
import { normaliseAddress, type AddressList } from './address-list.ts';

type Tls = NonNullable<GatewayConfig['tls']>;

/** Who is behind the connections of proxies, by the proxy's own address and port. */
export interface ProxiedPeers {
  of(address: string, port: number): string | undefined;
}

const certificatePollMs = 2000;
const proxyHeaderMs = 5000;
const headersMs = 20_000;

/** A server for `handler`; throws ConfigInvalid when the certificate cannot be used. */
export function createPublicServer(
  tls: Tls | undefined,
  handler: http.RequestListener,
  options: { readonly server: http.ServerOptions; readonly logger: Logger },
): http.Server {
  const limits = { ...options.server, headersTimeout: headersMs, requestTimeout: 0 };
  if (tls === undefined) return http.createServer(limits, handler);
  const secure = { ...limits, ...certificateOf(tls), minVersion: 'TLSv1.2' as const };
  const server = tls.http2
    ? http2.createSecureServer(
        { ...secure, allowHTTP1: true, settings: { maxConcurrentStreams: 256 } },
        handler as never,
      )
    : https.createServer(secure, handler);
  const reload = (): void => {
    try {
      server.setSecureContext({ ...certificateOf(tls), minVersion: 'TLSv1.2' });
      options.logger.info('certificate reloaded');
    } catch (error) {
      options.logger.warn({ why: messageOf(error) }, 'certificate kept, the new one is broken');
    }
  };
  for (const path of [tls.certPath, tls.keyPath]) {
    watchFile(path, { interval: certificatePollMs, persistent: false }, reload);
    server.on('close', () => unwatchFile(path, reload));
  }
  return server as unknown as http.Server;
}

/** Makes `server` expect a PROXY header on every connection, from `trusted` proxies only. */
export function expectProxyHeaders(server: NetServer, trusted: AddressList): ProxiedPeers {
  const peers = new Map<string, string>();
  const serve = server.listeners('connection') as ((socket: Socket) => void)[];
  server.removeAllListeners('connection');
  server.on('connection', (socket: Socket) => {
    const proxy = normaliseAddress(socket.remoteAddress ?? '') ?? '';
    if (!trusted.has(proxy)) {
      socket.destroy();
      return;
    }
    readHeader(socket, (address) => {
      const key = `${proxy}:${String(socket.remotePort)}`;
      if (address !== null) peers.set(key, address);
      socket.on('close', () => peers.delete(key));
      for (const listener of serve) listener.call(server, socket);
    });
  });
  return { of: (address, port) => peers.get(`${address}:${String(port)}`) };
}

/** Null: the proxy speaks for itself. A connection without a sound header ends. */
function readHeader(socket: Socket, done: (address: string | null) => void): void {
  let bytes = Buffer.alloc(0);
  const timer = setTimeout(() => socket.destroy(), proxyHeaderMs);
  const onError = (): void => clearTimeout(timer);
  const onReadable = (): void => {
    const chunk = socket.read() as Buffer | null;
    if (chunk === null) return;
    bytes = Buffer.concat([bytes, chunk]);
    const header = parseProxyHeader(bytes);
    if (header.kind === 'incomplete') return;
    clearTimeout(timer);
    socket.removeListener('readable', onReadable);
    socket.removeListener('error', onError);
    if (header.kind === 'malformed') {
      socket.destroy();
      return;
    }
    const rest = bytes.subarray(header.length);
    if (rest.length > 0) socket.unshift(rest);
    done(header.kind === 'proxied' ? (normaliseAddress(header.address) ?? null) : null);
  };
  socket.on('error', onError);
  socket.on('readable', onReadable);
}

function certificateOf(tls: Tls): { cert: Buffer; key: Buffer } {
  try {
    return { cert: readFileSync(tls.certPath), key: readFileSync(tls.keyPath) };
  } catch (error) {
    const hint = 'gateway.tls names the files of the certificate chain and of its key (PEM).';
    throw new MeridianError('ConfigInvalid', 'The certificate cannot be read.', { hint }, error);
  }
}
