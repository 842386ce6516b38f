/** Whether a server lets somebody in, tried by a connection that does nothing. */
import pg from 'pg';
import { connectionRefusalOf, pgConfigOf, type PgTarget } from './client.ts';

/** As what: an ordinary session, who asks for a base backup, or a standby. */
export type LoginKind = 'session' | 'backup' | 'standby';

const replication: Readonly<Record<LoginKind, object>> = {
  session: {},
  backup: { replication: 'database' },
  standby: { replication: 'true' },
};

/** Resolves with null when it was let in, else with what the server said. */
export async function tryLogin(target: PgTarget, kind: LoginKind): Promise<unknown> {
  const client = new pg.Client({ ...pgConfigOf(target), ...replication[kind] });
  client.on('error', () => undefined);
  try {
    await client.connect();
    return null;
  } catch (error) {
    return connectionRefusalOf(target, error);
  } finally {
    void client.end().catch(() => undefined);
  }
}
