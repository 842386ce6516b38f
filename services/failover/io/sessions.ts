/**
 * Application sessions on a node: who they are, and how they are ended. Terminating a session that
 * waits in COMMIT tells its client nothing but a lost connection; the fence is down before, so the
 * commit that becomes visible is served to nobody (DESIGN.md section 4).
 */
import type { PgClient } from '../../../shared/pg/client.ts';
import { quoteLiteral } from '../../../shared/pg/quote.ts';
import { sleep } from '../../../shared/runtime/sleep.ts';
import { onlyRow } from './node-connection.ts';

/** The router's connections for applications; its watchers read the node's position only. */
const routerBackend = `(usename = 'meridian_router' AND application_name = 'meridian-router')`;

/** Conditions on `pg_stat_activity`. Background workers have no client and no name of a role. */
export const applicationBackend = `backend_type = 'client backend'
  AND (usename NOT LIKE 'meridian\\_%' OR ${routerBackend})`;

/** Past the login guard: a session that is being logged in has no state yet, or is `starting`. */
const isLoggedIn = `state <> 'starting'`;

/**
 * What holds a closed door open: every session of an application, and the router's while it writes.
 * The router's idle connections are no danger: each of its transactions checks the fence. Nor is
 * who knocks at a closed door; applications do it all the time.
 */
export const applicationSession = `backend_type = 'client backend' AND ${isLoggedIn}
  AND (usename NOT LIKE 'meridian\\_%' OR (${routerBackend} AND backend_xid IS NOT NULL))`;

/** Inside a transaction, waiting COMMITs included; the login guard runs in one as well. */
export const runningApplication = `xact_start IS NOT NULL AND ${isLoggedIn}`;

const askAgainMs = 3;

/**
 * Ends every application session that began before this call, and waits until none of them is
 * left. Sessions of applications that begin meanwhile are ended as well: the door must be closed
 * before. The caller bounds it.
 */
export async function endApplicationSessions(client: PgClient): Promise<void> {
  const { now } = await onlyRow(client, 'SELECT clock_timestamp()::text AS now');
  const doomed = `${applicationBackend}
    AND (backend_start <= $1 OR usename NOT LIKE 'meridian\\_%')`;
  for (;;) {
    const { left } = await onlyRow(
      client,
      `SELECT count(pg_terminate_backend(pid))::text AS left FROM pg_stat_activity WHERE ${doomed}`,
      [now],
    );
    if (left === '0') return;
    await sleep(askAgainMs);
  }
}

/** A standby that was closed and then not promoted opens again by itself after so long. */
const standbyClosedSeconds = 60;

/**
 * Closes a standby to applications and ends their sessions: one that survived the promotion could
 * write. The login guard reads the setting; applications may not change it.
 */
export async function closeStandby(client: PgClient): Promise<void> {
  const { until } = await onlyRow(
    client,
    'SELECT (extract(epoch FROM clock_timestamp())::bigint + $1)::text AS until',
    [standbyClosedSeconds],
  );
  const path = `$libdir:/meridian_closed_until_${until}`;
  await client.query(`ALTER SYSTEM SET dynamic_library_path = ${quoteLiteral(path)}`);
  await client.query('SELECT pg_reload_conf()');
  for (;;) {
    const now = await onlyRow(client, `SELECT current_setting('dynamic_library_path') AS path`);
    if (now['path'] === path) break;
    await sleep(askAgainMs);
  }
  await endStarting(client);
  await endApplicationSessions(client);
}

/** After the promotion: the fence alone decides from here. */
export async function reopenStandby(client: PgClient): Promise<void> {
  await client.query('ALTER SYSTEM RESET dynamic_library_path');
  await client.query('SELECT pg_reload_conf()');
}

/** Sessions that were being authenticated may have read the setting before it changed. */
async function endStarting(client: PgClient): Promise<void> {
  for (;;) {
    const { left } = await onlyRow(
      client,
      `SELECT count(*)::text AS left FROM pg_stat_activity
       WHERE backend_type = 'client backend' AND usename IS NULL`,
    );
    if (left === '0') return;
    await sleep(askAgainMs);
  }
}

/** Ends the sessions of applications that are not inside a transaction; routers end theirs. */
export async function endIdleSessions(client: PgClient): Promise<void> {
  await client.query(`SELECT pg_terminate_backend(pid) FROM pg_stat_activity
    WHERE backend_type = 'client backend' AND usename NOT LIKE 'meridian\\_%'
      AND xact_start IS NULL`);
}
