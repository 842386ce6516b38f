/** What this region's controller tells other Meridian processes, on the peer listener. */
import type { FastifyPluginCallback } from 'fastify';
import type { ZodTypeProvider } from 'fastify-type-provider-zod';
import { z } from 'zod';
import { encodeControlState } from '../../../shared/core/control/control-state-codec.ts';
import { toWireJson } from '../../../shared/http/wire-json.ts';
import type { ControllerAccess } from './controller-access.ts';
import { relayRoutes } from './relay-routes.ts';

export function peerRoutes(access: ControllerAccess): FastifyPluginCallback {
  return (plain, _, done) => {
    const server = plain.withTypeProvider<ZodTypeProvider>();
    const options = { onRequest: access.requirePeer, schema: {} };
    server.get('/peer/report', options, (_request, reply) => {
      const view = access.view();
      const own = view.reports.find(({ id }) => id === view.region) ?? null;
      return reply.type('application/json').send(toWireJson(own));
    });
    server.get('/peer/checkpoint', options, (_request, reply) => {
      const { kind, fold, nextOffset } = access.state();
      if (kind !== 'running') return reply.code(404).send({ why: `the controller is ${kind}` });
      const storedOffset = access.storedOffset()?.toString() ?? null;
      const state = encodeControlState(fold);
      const body = {
        nextOffset: nextOffset.toString(),
        state,
        storedOffset,
        logId: access.relay.logId(),
      };
      return reply.send(body);
    });
    const querystring = z.object({ digest: z.string().max(64) });
    const asked = { onRequest: access.requirePeer, schema: { querystring } };
    server.get('/peer/schema', asked, async ({ query }, reply) => {
      const answer = await access.schemaAnswer(query.digest);
      if (answer === null) return reply.code(409).send({ why: 'this region does not lead' });
      return reply.send(answer);
    });
    void plain.register(relayRoutes(access));
    done();
  };
}
