/** Whether pg_hba.conf of the server lets in what an adoption connects as. */
import type { Finding } from './preflight.ts';
import { note, obstacle, ok } from './server-checks.ts';

/** `no-rule`: refused by pg_hba.conf. `other-method`: a rule wants no password. */
export type Admission = 'admitted' | 'no-rule' | 'other-method' | 'unknown';

export interface AccessFacts {
  /** By TLS, from this machine or another. */
  readonly isSecured: boolean;
  /** This machine, as the server sees it; null: a Unix socket. */
  readonly clientAddress: string | null;
  /** The user of the URL, to the database `postgres`. */
  readonly beside: Admission;
  /** `meridian_replicator`, to the database that is adopted and as a standby. */
  readonly backup: Admission;
  readonly standby: Admission;
}

const check = 'pg_hba.conf';

export function checkAccess(
  access: AccessFacts,
  { database, user }: { readonly database: string; readonly user: string },
): Finding {
  const { beside, backup, standby } = access;
  const all = [beside, backup, standby];
  if (all.every((one) => one === 'admitted')) return ok(check, 'admits what the copy needs');
  const rules = [
    ...(isShut(beside) ? [ruleFor(access, 'postgres', user)] : []),
    ...(isShut(backup) || isShut(standby)
      ? [ruleFor(access, `${database},replication`, 'meridian_replicator')]
      : []),
  ];
  if (rules.length === 0) {
    return note(check, 'could not be tried', 'see what else is found, then try again');
  }
  const who = [
    ...(isShut(beside) ? [`${user} to postgres`] : []),
    ...(isShut(backup) ? [`meridian_replicator to ${database}`] : []),
    ...(isShut(standby) ? ['meridian_replicator to replication'] : []),
  ];
  const how = access.isSecured ? 'by TLS and a password' : 'by a password';
  const found = `does not admit ${who.join(', ')} ${how}`;
  const lines = rules.map((rule) => `"${rule}"`).join(' and ');
  return obstacle(check, found, `add to pg_hba.conf, above what refuses it, and reload: ${lines}`);
}

function isShut(admission: Admission): boolean {
  return admission === 'no-rule' || admission === 'other-method';
}

function ruleFor(access: AccessFacts, databases: string, user: string): string {
  const { isSecured, clientAddress } = access;
  if (clientAddress === null) return `local ${databases} ${user} scram-sha-256`;
  const bits = clientAddress.includes(':') ? '128' : '32';
  const from = isSecured ? `${clientAddress}/${bits}` : 'samehost';
  return `${isSecured ? 'hostssl' : 'host'} ${databases} ${user} ${from} scram-sha-256`;
}
