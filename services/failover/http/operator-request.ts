/** A request that changes something: who asks, under which id, and what the controller says. */
import { randomUUID } from 'node:crypto';
import type { FastifyReply, FastifyRequest } from 'fastify';
import type { OperationLabel } from '../../../shared/core/control/control-record.ts';
import { MeridianError } from '../../../shared/errors/meridian-error.ts';
import type { OperatorRequest } from '../core/controller-input.ts';
import { knownOperations } from '../core/operation-view.ts';
import type { ControllerAccess } from './controller-access.ts';
import {
  isOtherRequest,
  operationIdOf,
  requestedOperation,
  showOperation,
} from './operation-json.ts';

export interface Asked {
  readonly request: FastifyRequest;
  readonly reply: FastifyReply;
}

/** Asks the controller; repeating a key whose operation is known changes nothing. */
export async function ask(
  access: ControllerAccess,
  { request, reply }: Asked,
  asked: OperatorRequest,
): Promise<FastifyReply> {
  const { id } = asked.operation;
  const known = showOperation(access, id);
  if (known !== null) return accepted(reply, known);
  audit(access, request, { ...asked, operation: id });
  const answer = await access.ask(asked);
  if (answer.kind === 'accepted') {
    const operation = answer.operationId;
    return accepted(reply, showOperation(access, operation) ?? requestedOperation(operation));
  }
  const facts = { operation: id, code: answer.code, why: answer.why };
  access.logger.warn(
    { audit: facts, by: asked.operation.by, reqId: request.id },
    'request refused',
  );
  throw new MeridianError(answer.code, answer.why, {
    hint: answer.hint,
    ...(answer.operationId === null ? {} : { operationId: answer.operationId }),
    ...(answer.code === 'NotPrimary' ? { httpStatus: 409 } : {}),
  });
}

function accepted(reply: FastifyReply, operation: { readonly id: string }): FastifyReply {
  void reply.code(202).header('location', `/admin/operations/${operation.id}`);
  return send(reply, operation);
}

/** Who asks, and for which operation; throws RequestInvalid for a key of another request. */
export function labelOf(
  access: ControllerAccess,
  request: FastifyRequest,
  reason: string,
): OperationLabel {
  const by = request.access?.subject ?? 'unknown';
  return { id: operationOf(access, request, by), by, reason, atMs: access.wallMs() };
}

function operationOf(access: ControllerAccess, request: FastifyRequest, subject: string): string {
  const header = request.headers['idempotency-key'];
  const key = Array.isArray(header) ? header[0] : header;
  if (key === undefined) return randomUUID();
  const { clusterId } = access;
  const content = [request.url, request.body ?? null];
  const id = operationIdOf({ clusterId, subject, key, content });
  const used = knownOperations(access.state()).find((one) => isOtherRequest(id, one));
  if (used === undefined) return id;
  throw new MeridianError('RequestInvalid', 'The key was used for another request.', {
    hint: `Take a new Idempotency-Key; what became of the other: GET /admin/operations/${used}`,
    operationId: used,
    httpStatus: 422,
  });
}

/** Who asked for what; the records' labels keep it in every region. */
export function audit(access: ControllerAccess, request: FastifyRequest, facts: object): void {
  const { access: claims, id } = request;
  const { subject: by, certificate } = claims ?? {};
  access.logger.info({ audit: facts, by, certificate, reqId: id }, 'operator request');
}

export function send(reply: FastifyReply, body: unknown): FastifyReply {
  return reply.header('cache-control', 'no-store').send(body);
}
