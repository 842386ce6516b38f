/** Access tokens are revoked in the control log: a region refuses them once it has read that. */
import type { FastifyPluginCallback } from 'fastify';
import type { ZodTypeProvider } from 'fastify-type-provider-zod';
import { z } from 'zod';
import { longestDays } from '../../../shared/auth/access-token.ts';
import type { ControllerAccess } from './controller-access.ts';
import { ask, labelOf, send } from './operator-request.ts';

const dayMs = 24 * 60 * 60 * 1000;
const longestMs = longestDays * dayMs;

const text = z.string().min(1).max(200);
/** One token by its id, or all that a subject was given until now. */
const revokeBody = z
  .strictObject({
    tokenId: text.optional(),
    subject: text.optional(),
    /** Until when such a token is valid at the latest. */
    expiresAtMs: z.int().positive().optional(),
    reason: z.string().max(500).default(''),
  })
  .refine(({ tokenId, subject }) => (tokenId === undefined) !== (subject === undefined), {
    error: 'either tokenId or subject',
  });

export function tokenRoutes(access: ControllerAccess): FastifyPluginCallback {
  return (plain, _, done) => {
    const server = plain.withTypeProvider<ZodTypeProvider>();
    server.get('/admin/tokens/revoked', { onRequest: access.requireViewer }, (_request, reply) =>
      send(reply, { items: access.state().fold.revoked, next: null }),
    );
    const options = { onRequest: access.requireAdmin, schema: { body: revokeBody } };
    server.post('/admin/tokens/revoke', options, (request, reply) => {
      const { tokenId = null, subject = null, expiresAtMs, reason } = request.body;
      const nowMs = access.wallMs();
      const revocation = {
        tokenId,
        subject,
        // Tokens say whole seconds: one of this second counts as issued before.
        issuedBeforeMs: subject === null ? 0 : nowMs,
        untilMs: Math.min(expiresAtMs ?? Infinity, nowMs + longestMs),
      };
      const operation = labelOf(access, request, reason);
      return ask(access, { request, reply }, { kind: 'revoke', revocation, operation });
    });
    done();
  };
}
