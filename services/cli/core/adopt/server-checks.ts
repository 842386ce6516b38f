/** Whether the server of a database can live as a region's node: version, settings, privileges. */
import { checkAccess } from './access-checks.ts';
import type { AdoptFacts, Finding, OwnFacts } from './preflight.ts';

export interface ServerFacts {
  /** `server_version_num`. */
  readonly version: number;
  /** What `version()` prints. */
  readonly versionText: string;
  readonly database: string;
  readonly user: string;
  readonly isSuperuser: boolean;
  readonly isInRecovery: boolean;
  /** Values of settings by name. */
  readonly settings: Readonly<Record<string, string>>;
  /** Replication slots and walsenders that are taken now. */
  readonly slotsInUse: number;
  readonly sendersInUse: number;
  readonly tablespaces: readonly string[];
  readonly otherDatabases: readonly string[];
  /** Roles of sessions of others in this database that are superusers. */
  readonly superuserSessions: readonly string[];
  /** Start of the oldest transaction that runs, in seconds before now. */
  readonly oldestTransactionSeconds: number;
}

/** Versions below have no synced failover slots and no login event triggers. */
const versionMin = 170_000;
/** Longer transactions hold the replication slot up. */
const longTransactionSeconds = 5;

export function checkServer({
  server,
  access,
  own,
}: Pick<AdoptFacts, 'server' | 'access' | 'own'>): readonly Finding[] {
  return [
    checkVersion(server, own),
    checkPrivileges(server),
    ...checkSettings(server),
    checkSlots(server),
    ...checkLimits(server, own),
    checkAccess(access, server),
    checkLibraries(server, own),
    checkPlaces(server),
    checkOthers(server),
    ...checkSessions(server),
  ];
}

function checkVersion({ version, versionText }: ServerFacts, own: OwnFacts): Finding {
  const major = Math.floor(version / 10_000);
  const found = `PostgreSQL ${String(major)}.${String(version % 10_000)}`;
  if (version < versionMin) {
    return obstacle('version', found, `upgrade to PostgreSQL ${String(own.majorVersion)}`);
  }
  if (major !== own.majorVersion) {
    const other = `Meridian runs ${String(own.majorVersion)} here`;
    const fix =
      `upgrade to ${String(own.majorVersion)}, or name an installation of ${String(major)} ` +
      'for the other regions: they begin as physical copies';
    return obstacle('version', `${found}; ${other}`, fix);
  }
  if (!versionText.includes(own.architecture)) {
    const fix = 'move the database to the processor architecture of the other regions';
    return obstacle('version', `${found} is not built for ${own.architecture}`, fix);
  }
  return ok('version', found);
}

function checkPrivileges({ user, isSuperuser, isInRecovery }: ServerFacts): Finding {
  if (isInRecovery) {
    return obstacle('privileges', 'the server is a standby', 'name the primary in the URL');
  }
  if (isSuperuser) return ok('privileges', `${user} is a superuser`);
  const fix = 'connect as a superuser; where nobody gets one, the database cannot be adopted';
  return obstacle('privileges', `${user} is no superuser`, fix);
}

interface Wanted {
  readonly name: string;
  readonly isFine: (value: string) => boolean;
  readonly fix: string;
}

const restart = 'then restart PostgreSQL';
const wantedSettings: readonly Wanted[] = [
  {
    name: 'wal_level',
    isFine: (value) => value !== 'minimal',
    fix: `ALTER SYSTEM SET wal_level = replica, ${restart}`,
  },
  {
    name: 'max_prepared_transactions',
    isFine: (value) => value === '0',
    fix: `ALTER SYSTEM SET max_prepared_transactions = 0, ${restart}; no two-phase commit`,
  },
  {
    name: 'synchronous_standby_names',
    isFine: (value) => value === '' || value.startsWith('meridian_'),
    fix: 'take your own standbys out of it: Meridian decides what a commit waits for',
  },
  {
    name: 'event_triggers',
    isFine: (value) => value === 'on',
    fix: 'ALTER SYSTEM SET event_triggers = on; SELECT pg_reload_conf()',
  },
  {
    name: 'fsync',
    isFine: (value) => value === 'on',
    fix: 'ALTER SYSTEM SET fsync = on; SELECT pg_reload_conf()',
  },
  {
    name: 'data_checksums',
    isFine: (value) => value === 'on',
    fix: 'stop PostgreSQL, run pg_checksums --enable, start it',
  },
  {
    name: 'block_size',
    isFine: (value) => value === '8192',
    fix: 'dump and restore into a server of the usual block size',
  },
  {
    name: 'server_encoding',
    isFine: (value) => value === 'UTF8',
    fix: "make a database with ENCODING 'UTF8', dump and restore into it",
  },
];

function checkSettings({ settings }: ServerFacts): readonly Finding[] {
  return wantedSettings.map(({ name, isFine, fix }) => {
    const value = settings[name] ?? '';
    const found = `${name} = ${value === '' ? "''" : value}`;
    return isFine(value) ? ok(name, found) : obstacle(name, found, fix);
  });
}

/** For the copy and for what follows; the other regions are seeded from the copy. */
const sendersNeeded = 2;
const slotsNeeded = 1;

function checkSlots(server: ServerFacts): Finding {
  const free = (name: string, used: number): number => Number(server.settings[name] ?? 0) - used;
  const senders = free('max_wal_senders', server.sendersInUse);
  const slots = free('max_replication_slots', server.slotsInUse);
  const found = `${String(senders)} senders and ${String(slots)} slots are free`;
  if (senders >= sendersNeeded && slots >= slotsNeeded) return ok('senders and slots', found);
  const needed = `${String(sendersNeeded)} and ${String(slotsNeeded)} are needed`;
  const fix = `raise max_wal_senders and max_replication_slots, ${restart}`;
  return obstacle('senders and slots', `${found}; ${needed}`, fix);
}

/** The copies in other regions must not have less than the original: they would not recover. */
function checkLimits({ settings }: ServerFacts, own: OwnFacts): readonly Finding[] {
  const higher = Object.entries(own.limits).filter(
    ([name, limit]) => Number(settings[name] ?? 0) > limit,
  );
  if (higher.length === 0) return [];
  const found = higher.map(([name]) => `${name} = ${settings[name] ?? ''}`).join(', ');
  return [note('limits', found, 'is written by ALTER SYSTEM, so that every region has it')];
}

function checkLibraries({ settings }: ServerFacts, own: OwnFacts): Finding {
  const names = Object.entries(settings)
    .filter(([name]) => name.endsWith('_preload_libraries'))
    .flatMap(([, value]) => value.split(','))
    .map((name) => name.trim().replace(/^.*\//, ''))
    .filter((name) => name !== '');
  const missing = [...new Set(names)].filter((name) => !own.libraries.includes(name));
  if (missing.length === 0) return ok('libraries', names.length === 0 ? 'none' : names.join(', '));
  const fix = "install them into the other regions' PostgreSQL, or take them out";
  return obstacle('libraries', `not in Meridian's PostgreSQL: ${missing.join(', ')}`, fix);
}

function checkPlaces({ tablespaces }: ServerFacts): Finding {
  if (tablespaces.length === 0) return ok('tablespaces', 'none of its own');
  const fix = 'ALTER TABLE … SET TABLESPACE pg_default for all in them, then DROP TABLESPACE';
  return obstacle('tablespaces', tablespaces.join(', '), fix);
}

function checkOthers({ otherDatabases }: ServerFacts): Finding {
  if (otherDatabases.length === 0) return ok('other databases', 'none');
  const fix = 'move them to a server of their own: only one database of a server can be live';
  return obstacle('other databases', otherDatabases.join(', '), fix);
}

function checkSessions(server: ServerFacts): readonly Finding[] {
  const { superuserSessions, oldestTransactionSeconds: seconds } = server;
  const findings: Finding[] = [];
  if (superuserSessions.length > 0) {
    const fix = 'give the application a role that is none: a superuser can pass the fence';
    const found = `sessions of superusers: ${superuserSessions.join(', ')}`;
    findings.push(note('sessions', found, fix));
  }
  if (seconds > longTransactionSeconds) {
    const found = `a transaction runs since ${String(Math.round(seconds))} s`;
    findings.push(note('transactions', found, 'the adoption waits for its end; writes go on'));
  }
  return findings;
}

export function ok(check: string, found: string): Finding {
  return { check, verdict: 'ok', found, fix: null };
}

export function note(check: string, found: string, fix: string): Finding {
  return { check, verdict: 'note', found, fix };
}

export function obstacle(check: string, found: string, fix: string): Finding {
  return { check, verdict: 'obstacle', found, fix };
}
