/** Puts region links on the peer listener: they begin as an upgrade of an HTTP request. */
import type { Server } from 'node:http';
import type { FastifyPluginCallback } from 'fastify';

/** A plugin that hands the listener's server to `attach`. */
export function linkRoutes(attach: (server: Server) => void): FastifyPluginCallback {
  return (server, _, done) => {
    attach(server.server);
    done();
  };
}
