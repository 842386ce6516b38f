/** `ANY /*` of the public listener: handed to the gateway unparsed, after every other route. */
import { METHODS, type IncomingMessage, type ServerResponse } from 'node:http';
import type { FastifyPluginCallback } from 'fastify';

export interface RawExchange {
  readonly request: IncomingMessage;
  readonly reply: ServerResponse;
  readonly requestId: string;
}

/** `handle` answers the exchange; it must not throw. */
export function proxyRoutes(handle: (exchange: RawExchange) => void): FastifyPluginCallback {
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
        handle({ request: request.raw, reply: reply.raw, requestId: request.id });
      },
      handler: () => undefined,
    });
    server.server.on('checkContinue', (request: IncomingMessage, reply: ServerResponse) => {
      continueWhenRead(request, reply);
      server.server.emit('request', request, reply);
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
