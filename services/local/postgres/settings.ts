/** Texts of a node's settings files: what differs by node and mode. */
import type { NodeId } from '../../../shared/core/node.ts';
import { physicalSlotOf } from '../../../shared/core/node.ts';
import type { TlsFiles } from '../tls-files.ts';
import type { NodeMode } from '../../../shared/ports/node-control.ts';

export interface NodeSettings {
  readonly node: NodeId;
  readonly bind: string;
  readonly port: number;
  readonly database: string;
  readonly mode: NodeMode;
  /** A base backup that is recovered to its end and then promoted. */
  readonly isRecovering: boolean;
  /** What a standby follows. */
  readonly primary: { readonly host: string; readonly port: number } | null;
  /** A server of somebody else's, followed until its database is taken over. */
  readonly adopted?: AdoptedPlace;
  readonly replicatorPassword: string;
  readonly majorVersion: number;
  /** Files of mode tls and the name in the region's certificate; null in mode plain. */
  readonly tls: (TlsFiles & { readonly serverName: string }) | null;
}

export interface AdoptedPlace {
  readonly host: string;
  readonly port: number;
  /** Where the cluster file says that the host is; null: the system knows. */
  readonly address: string | null;
  /** Null: plain text. `own` is what the copy shows. */
  readonly tls: {
    readonly isNameChecked: boolean;
    readonly authority: string;
    readonly own: { readonly certificate: string; readonly key: string } | null;
  } | null;
}

/** Keeps the WAL on a server that is being adopted. */
export const adoptionSlot = 'meridian_adoption';

/** The lines that follow infra/postgres/postgresql.conf. */
export function ownSettings(settings: NodeSettings): string {
  const { bind, port, mode, primary, majorVersion } = settings;
  const lines = [`listen_addresses = ${quoted(bind)}`, `port = ${String(port)}`];
  if (majorVersion >= 18) lines.push('io_method = sync');
  if (settings.tls !== null) {
    lines.push(
      'ssl = on',
      "ssl_min_protocol_version = 'TLSv1.3'",
      `ssl_cert_file = ${quoted(settings.tls.certificate)}`,
      `ssl_key_file = ${quoted(settings.tls.key)}`,
      `ssl_ca_file = ${quoted(settings.tls.authority)}`,
    );
  }
  if (settings.isRecovering) lines.push("restore_command = 'false'");
  const isFollowing = mode === 'standby' && primary !== null;
  lines.push(`sync_replication_slots = ${isFollowing ? 'on' : 'off'}`);
  if (isFollowing) {
    const text = connectionText(settings, primary.port, wayInCluster(settings, primary.host));
    lines.push(`primary_conninfo = ${quoted(text)}`);
    lines.push(`primary_slot_name = ${quoted(physicalSlotOf(settings.node))}`);
  }
  if (settings.adopted !== undefined) {
    const text = connectionText(settings, settings.adopted.port, wayToAdopted(settings.adopted));
    lines.push(`primary_conninfo = ${quoted(text)}`);
    lines.push(`primary_slot_name = ${quoted(adoptionSlot)}`);
    // With the state that libpq goes on from, to the next of its places.
    lines.push('hot_standby = off');
  }
  return `${lines.join('\n')}\n`;
}

type Parts = Readonly<Record<string, string>>;

function wayInCluster({ tls }: NodeSettings, host: string): Parts {
  if (tls === null) return { host, sslmode: 'prefer' };
  return {
    ...{ host: tls.serverName, hostaddr: host, sslmode: 'verify-full' },
    ...{ sslrootcert: tls.authority, sslcert: tls.certificate, sslkey: tls.key },
  };
}

function wayToAdopted({ host, address, tls }: AdoptedPlace): Parts {
  const place = address === null ? { host } : { host, hostaddr: address };
  if (tls === null) return { ...place, sslmode: 'prefer' };
  const { isNameChecked, authority, own } = tls;
  return {
    ...place,
    sslmode: isNameChecked ? 'verify-full' : 'verify-ca',
    sslrootcert: authority,
    // Else libpq looks for one in the home of whoever runs the server.
    ...(own === null ? { sslcertmode: 'disable' } : { sslcert: own.certificate, sslkey: own.key }),
  };
}

function connectionText(settings: NodeSettings, port: number, way: Parts): string {
  const parts: Parts = {
    ...way,
    port: String(port),
    user: 'meridian_replicator',
    password: settings.replicatorPassword,
    dbname: settings.database,
    application_name: physicalSlotOf(settings.node),
    connect_timeout: '3',
    keepalives_idle: '5',
  };
  return Object.entries(parts)
    .map(([key, value]) => `${key}='${value.replaceAll(/['\\]/g, '\\$&')}'`)
    .join(' ');
}

/**
 * pg_hba.conf: passwords only; an isolated node admits Meridian's superuser from this machine. In
 * mode tls nothing comes in plain text, and Meridian's own roles need a certificate besides.
 */
export function accessRules(
  settings: Pick<NodeSettings, 'mode' | 'database'> & { readonly isSecured: boolean },
): string {
  const { mode, database, isSecured } = settings;
  const host = isSecured ? 'hostssl' : 'host';
  const own = isSecured ? 'scram-sha-256 clientcert=verify-ca' : 'scram-sha-256';
  const ownRoles = 'meridian_owner,meridian_applier,meridian_replicator,meridian_router';
  const rules =
    mode === 'isolated'
      ? [`${host} all meridian_owner samehost ${own}`]
      : [
          `${host} all meridian_owner all ${own}`,
          ...(isSecured ? [`${host} "${database}" ${ownRoles} all ${own}`] : []),
          `${host} "${database}" all all scram-sha-256`,
          `${host} replication meridian_replicator all ${own}`,
        ];
  return `${rules.join('\n')}\n`;
}

/** What of a copied postgresql.auto.conf stays: not what belonged to the node it came from. */
export function keptAutoSettings(text: string): string {
  const foreign = /^\s*(synchronous_standby_names|primary_\w+|restore_command|recovery_\w+)\s*=/;
  return text
    .split('\n')
    .filter((line) => !foreign.test(line))
    .join('\n');
}

function quoted(text: string): string {
  return `'${text.replaceAll('\\', '\\\\').replaceAll("'", "''")}'`;
}
