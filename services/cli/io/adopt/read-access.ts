/**
 * Whether pg_hba.conf of a server admits what an adoption connects as: tried from here, in the same
 * way, with a password that cannot be right, because Meridian's role is not there yet.
 */
import { randomUUID } from 'node:crypto';
import type { PgClient, PgTarget } from '../../../../shared/pg/client.ts';
import { loginRefusalOf } from '../../../../shared/errors/sqlstate.ts';
import { tryLogin, type LoginKind } from '../../../../shared/pg/try-login.ts';
import type { AccessFacts, Admission } from '../../core/adopt/access-checks.ts';

/** `client` is a session of `target`. */
export async function readAccess(client: PgClient, target: PgTarget): Promise<AccessFacts> {
  const { rows } = await client.query<{ address: string | null }>(
    'SELECT host(inet_client_addr()) AS address',
  );
  const replicator = { ...target, user: 'meridian_replicator', password: randomUUID() };
  return {
    isSecured: target.foreign !== 'plain',
    clientAddress: rows[0]?.address ?? null,
    beside: await admissionOf({ ...target, database: 'postgres' }, 'session'),
    backup: await admissionOf(replicator, 'backup'),
    standby: await admissionOf(replicator, 'standby'),
  };
}

async function admissionOf(target: PgTarget, kind: LoginKind): Promise<Admission> {
  const error = await tryLogin(target, kind);
  if (error === null) return 'admitted';
  const why = loginRefusalOf(error);
  if (why === 'password') return 'admitted';
  return why ?? 'unknown';
}
