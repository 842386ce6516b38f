/** `ANY /*` of the public listener: handed to the gateway unparsed, after every other route. */
import { randomUUID } from 'node:crypto';
import { METHODS, type IncomingMessage, type ServerResponse } from 'node:http';
import type { Duplex } from 'node:stream';
import type { FastifyPluginCallback } from 'fastify';

export type ExchangeHandler = (
  request: IncomingMessage,
  reply: ServerResponse,
  requestId: string,
) => void;

export interface RawUpgrade {
  readonly request: IncomingMessage;
  readonly socket: Duplex;
  readonly head: Buffer;
  readonly requestId: string;
}

export interface ProxyHandlers {
  /** Answers the exchange; must not throw. */
  readonly handle: ExchangeHandler;
  /** Takes over the socket of a WebSocket request; must not throw. */
  readonly upgrade: (upgrade: RawUpgrade) => void;
}

/** Every method, path and WebSocket that no other route of the listener has. */
export function proxyRoutes({ handle, upgrade }: ProxyHandlers): FastifyPluginCallback {
  return (server, _, done) => {
    for (const method of METHODS) {
      if (method !== 'CONNECT' && !server.supportedMethods.includes(method)) {
        server.addHttpMethod(method, { hasBody: true });
      }
    }
    server.route({
      method: server.supportedMethods.filter((method) => method !== 'CONNECT'),
      url: '/*',
      exposeHeadRoute: false,
      // Before the body is looked at: it belongs to the upstream as it is.
      onRequest(request, reply) {
        reply.hijack();
        handle(request.raw, reply.raw, request.id);
      },
      handler: () => undefined,
    });
    server.server.on('checkContinue', (request: IncomingMessage, reply: ServerResponse) => {
      continueWhenRead(request, reply);
      server.server.emit('request', request, reply);
    });
    // Other protocols than WebSocket are not changed to: the request is answered as it is.
    Object.assign(server.server, { shouldUpgradeCallback: isWebSocket });
    server.server.on('upgrade', (request: IncomingMessage, socket: Duplex, head: Buffer) => {
      upgrade({ request, socket, head, requestId: randomUUID() });
    });
    done();
  };
}

/**
 * Asks for a body that waits for 100 Continue once somebody reads it, not before: a request that
 * is refused by its head costs no body (RFC 9110, section 10.1.1). Holds for every route of the
 * listener.
 */
function continueWhenRead(request: IncomingMessage, reply: ServerResponse): void {
  request.once('resume', () => {
    if (!reply.headersSent) reply.writeContinue();
  });
}

function isWebSocket({ method, headers }: IncomingMessage): boolean {
  return method === 'GET' && headers.upgrade?.toLowerCase() === 'websocket';
}
