/** Facts of a database that nothing keeps from being adopted. */
import type { AdoptFacts, OwnFacts } from '../../../../../../services/cli/core/adopt/preflight.ts';
import type { AccessFacts } from '../../../../../../services/cli/core/adopt/access-checks.ts';
import type { ContentFacts } from '../../../../../../services/cli/core/adopt/content-checks.ts';
import type { ServerFacts } from '../../../../../../services/cli/core/adopt/server-checks.ts';

export const goodServer: ServerFacts = {
  version: 180_004,
  versionText: 'PostgreSQL 18.4 on x86_64-pc-linux-gnu',
  database: 'shop',
  user: 'postgres',
  isSuperuser: true,
  isInRecovery: false,
  settings: {
    wal_level: 'logical',
    max_prepared_transactions: '0',
    synchronous_standby_names: '',
    event_triggers: 'on',
    fsync: 'on',
    data_checksums: 'on',
    block_size: '8192',
    server_encoding: 'UTF8',
    max_wal_senders: '10',
    max_replication_slots: '10',
    max_connections: '100',
    shared_preload_libraries: '',
  },
  slotsInUse: 0,
  sendersInUse: 0,
  tablespaces: [],
  otherDatabases: [],
  superuserSessions: [],
  oldestTransactionSeconds: 0,
};

export const goodAccess: AccessFacts = {
  isSecured: false,
  clientAddress: '127.0.0.1',
  beside: 'admitted',
  backup: 'admitted',
  standby: 'admitted',
};

export const goodContent: ContentFacts = {
  collation: { provider: 'builtin', locale: 'C.UTF-8' },
  extensions: ['pg_trgm'],
  tablesWithoutKey: [],
  virtualWithoutKey: [],
  unloggedTables: [],
  largeObjects: 0,
  preparedTransactions: 0,
  subscriptions: [],
  takenNames: [],
  openedEpoch: 0,
  bytes: 50 * 1024 * 1024,
};

export const own: OwnFacts = {
  majorVersion: 18,
  architecture: 'x86_64',
  extensions: ['pg_trgm', 'hstore'],
  libraries: ['auto_explain'],
  limits: { max_connections: 150 },
};

export const goodFacts: AdoptFacts = {
  ...{ server: goodServer, access: goodAccess, content: goodContent, own },
};
