/**
 * The server under the public listener: plain HTTP/1.1, or TLS with HTTP/2 and HTTP/1.1. Sets the
 * bounds for slow and idle clients, and takes leave of all of them when the gateway stops.
 */
import { readFileSync } from 'node:fs';
import http from 'node:http';
import http2, { type ServerHttp2Session } from 'node:http2';
import https from 'node:https';
import type { Socket } from 'node:net';
import type { Logger } from '../../../../shared/logging/logger.ts';
import type { GatewayConfig } from '../../config.ts';
import { Certificate, type CertificateOptions } from './certificate.ts';
import { ProxiedPeers, type PeerEnd } from './proxied-peers.ts';

export interface PublicListenerOptions {
  /** Asked each time: the section may change while running. */
  readonly config: () => GatewayConfig;
  readonly isTrusted: (address: string) => boolean;
  readonly logger: Logger;
}

const handshakeMs = 10_000;
/** How often slow heads are looked for, at least. */
const lookMsMax = 2000;
const keepAliveMs = 72_000;
const headBytesMax = 16_384;
const streamsMax = 256;
const brokenFramesMax = 100;
/** "No stream is refused yet" in a GOAWAY frame (RFC 9113, section 6.8). */
const lastStreamMax = 2 ** 31 - 1;

export class PublicListener {
  readonly #options: PublicListenerOptions;
  readonly #peers = new ProxiedPeers();
  readonly #sockets = new Set<Socket>();
  readonly #sessions = new Set<ServerHttp2Session>();
  #certificate: Certificate | null = null;

  constructor(options: PublicListenerOptions) {
    this.#options = options;
  }

  /** Wall-clock time at which the certificate ends; null without TLS. */
  get certificateEndMs(): number | null {
    return this.#certificate?.validToMs ?? null;
  }

  /** Open connections. */
  get connections(): number {
    return this.#sockets.size;
  }

  /** Address of the client at the other end, of which a proxy may have told. */
  peerOf(end: PeerEnd): string {
    return this.#peers.addressOf(end);
  }

  /** A server for `handler`; throws ConfigInvalid when the certificate cannot be used. */
  createServer(handler: http.RequestListener): http.Server {
    const { config, isTrusted } = this.#options;
    if (config().reusePort) warnOfResets(this.#options.logger);
    const server = this.#build(handler);
    server.headersTimeout = config().headMs;
    // Bodies are bounded where they are read: an upload may take longer than any head.
    server.requestTimeout = 0;
    server.keepAliveTimeout = keepAliveMs;
    server.maxConnections = config().connectionsMax;
    // Else Node drops what exceeds it; the size of a head bounds the count.
    server.maxHeadersCount = 0;
    this.#peers.expectAt(server, (address) => config().proxyProtocol && isTrusted(address));
    server.on('connection', (socket: Socket) => {
      this.#sockets.add(socket);
      socket.on('close', () => this.#sockets.delete(socket));
    });
    server.on('close', () => this.#certificate?.stop());
    return Object.assign(server, { closeAllConnections: () => this.#destroyAll() });
  }

  /**
   * Clients are asked to go elsewhere with their next request; everything is still answered.
   * Sessions that begin from now on are served until `finish`: a client whose session ends as soon
   * as it began gives up what it asked by it.
   */
  announceEnd(): void {
    for (const session of this.#sessions) sayGoodbye(session);
  }

  /** Connections without a request end, the others behind theirs. */
  finish(): void {
    for (const session of this.#sessions) session.close();
  }

  #build(handler: http.RequestListener): http.Server {
    const { tls, headMs } = this.#options.config();
    const lookMs = Math.min(lookMsMax, headMs);
    const plain = {
      maxHeaderSize: headBytesMax,
      connectionsCheckingInterval: lookMs,
      // A request without a body is no stream that has to be read to its end.
      optimizeEmptyRequests: true,
    };
    if (tls === undefined) return http.createServer(plain, handler);
    const current = (): typeof tls => this.#options.config().tls ?? tls;
    const certificate = new Certificate(current, this.#options.logger);
    this.#certificate = certificate;
    const options = { ...plain, ...certificate.options, handshakeTimeout: handshakeMs };
    const server = tls.http2
      ? this.#buildHttp2(options, handler)
      : https.createServer(options, handler);
    certificate.follow((next) => server.setSecureContext(next));
    return server as unknown as http.Server;
  }

  #buildHttp2(
    options: http.ServerOptions & CertificateOptions,
    handler: http.RequestListener,
  ): http2.Http2SecureServer {
    const settings = { maxConcurrentStreams: streamsMax, maxHeaderListSize: headBytesMax };
    const server = http2.createSecureServer(
      { ...options, allowHTTP1: true, settings, maxSessionInvalidFrames: brokenFramesMax },
      handler as never,
    );
    server.on('session', (session) => {
      this.#sessions.add(session);
      session.on('close', () => this.#sessions.delete(session));
      endWhenIdle(session);
      endWithoutRequest(session, this.#options.config().headMs);
    });
    return server;
  }

  #destroyAll(): void {
    const { size } = this.#sockets;
    if (size > 0) this.#options.logger.warn({ connections: size }, 'connections cut');
    for (const socket of this.#sockets) socket.destroy();
  }
}

/** Linux 5.14 and newer hand waiting connections over when a process stops to listen, if told. */
function warnOfResets(logger: Logger): void {
  const path = '/proc/sys/net/ipv4/tcp_migrate_req';
  try {
    if (readFileSync(path, 'utf8').trim() === '1') return;
  } catch {
    // An older kernel, or another system.
  }
  const why = 'net.ipv4.tcp_migrate_req is not 1';
  logger.warn({ why }, 'a restart may reset connections that are made in that moment');
}

/** A session without streams ends after the time that other connections have. */
function endWhenIdle(session: ServerHttp2Session): void {
  let streams = 0;
  session.on('stream', (stream) => {
    streams += 1;
    stream.on('close', () => (streams -= 1));
  });
  const look = (): void => {
    if (streams === 0) session.close();
    else session.setTimeout(keepAliveMs, look);
  };
  session.setTimeout(keepAliveMs, look);
}

/** Who connects is to ask for something: the bound of HTTP/1.1's heads for a session's first. */
function endWithoutRequest(session: ServerHttp2Session, headMs: number): void {
  const timer = setTimeout(() => session.destroy(), headMs);
  for (const name of ['stream', 'close']) session.once(name, () => clearTimeout(timer));
}

function sayGoodbye(session: ServerHttp2Session): void {
  if (!session.destroyed && !session.closed) session.goaway(0, lastStreamMax);
}
