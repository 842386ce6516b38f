/** Whether what a database holds can live in several regions: tables, objects, extensions. */
import type { Finding, OwnFacts } from './preflight.ts';
import { note, obstacle, ok } from './server-checks.ts';

export interface ContentFacts {
  /** Provider of the database's collation: builtin, icu or libc, and its locale. */
  readonly collation: { readonly provider: string; readonly locale: string };
  readonly extensions: readonly string[];
  /** Tables without a key that finds their rows, with and without virtual columns. */
  readonly tablesWithoutKey: readonly string[];
  readonly virtualWithoutKey: readonly string[];
  readonly unloggedTables: readonly string[];
  readonly largeObjects: number;
  readonly preparedTransactions: number;
  readonly subscriptions: readonly string[];
  /** Roles that have a name of Meridian's own, and schemas likewise. */
  readonly takenNames: readonly string[];
  /** An earlier adoption that another cluster made, or one that opened already. */
  readonly openedEpoch: number;
  readonly bytes: number;
}

/** They replicate, schedule or split tables by means that no copy of the rows carries. */
const ownWays: Readonly<Record<string, string>> = {
  citus: 'it spreads tables over servers of its own',
  timescaledb: 'it keeps chunks and jobs that its own functions must make in each region',
  pglogical: 'it replicates by itself',
  bdr: 'it replicates by itself',
  spock: 'it replicates by itself',
  pg_cron: 'its jobs would run in every region',
};

const listedMax = 5;

export function checkContent(content: ContentFacts, own: OwnFacts): readonly Finding[] {
  return [
    checkAdopted(content),
    checkCollation(content),
    ...checkExtensions(content, own),
    ...checkIdentities(content),
    checkList('unlogged tables', content.unloggedTables, {
      fix: 'ALTER TABLE … SET LOGGED: their rows are in no log, so no other region would have them',
    }),
    checkCount('large objects', content.largeObjects, {
      fix: 'move them into bytea columns and remove them with lo_unlink: they are not decoded',
    }),
    checkCount('prepared transactions', content.preparedTransactions, {
      fix: 'COMMIT PREPARED or ROLLBACK PREPARED each',
    }),
    checkList('subscriptions', content.subscriptions, {
      fix: 'DROP SUBSCRIPTION: after a switchover it would go on in the wrong region',
    }),
    ok('size', `${String(Math.ceil(content.bytes / 1024 / 1024))} MB to be copied to each region`),
  ];
}

function checkAdopted({ openedEpoch, takenNames }: ContentFacts): Finding {
  if (openedEpoch > 0) {
    const found = `it was opened by a cluster already, epoch ${String(openedEpoch)}`;
    return obstacle('names', found, 'use that cluster: see npx meridian status');
  }
  if (takenNames.length === 0) return ok('names', 'none of Meridian is taken');
  const fix = 'from an earlier attempt: they are taken over. Else rename them first';
  return note('names', `there already: ${listed(takenNames)}`, fix);
}

function checkCollation({ collation }: ContentFacts): Finding {
  const found = `${collation.provider} ${collation.locale}`;
  const isFixed = collation.provider === 'builtin' || /^(C|POSIX)$/.test(collation.locale);
  if (isFixed) return ok('collation', found);
  const library = collation.provider === 'icu' ? 'ICU' : 'C library';
  return note(
    'collation',
    `${found} sorts by the host's ${library}`,
    `have the same ${library} in every region: an index that sorts otherwise finds wrong rows`,
  );
}

function checkExtensions({ extensions }: ContentFacts, own: OwnFacts): readonly Finding[] {
  const strange = extensions.filter((name) => Object.hasOwn(ownWays, name));
  const missing = extensions.filter(
    (name) => !strange.includes(name) && !own.extensions.includes(name),
  );
  const findings = strange.map((name) =>
    obstacle('extensions', `${name}: ${ownWays[name] ?? ''}`, `DROP EXTENSION ${name}`),
  );
  if (missing.length > 0) {
    const fix = "install them into the other regions' PostgreSQL, or DROP EXTENSION";
    findings.push(obstacle('extensions', `not available there: ${listed(missing)}`, fix));
  }
  if (findings.length > 0) return findings;
  return [ok('extensions', extensions.length === 0 ? 'none' : listed(extensions))];
}

function checkIdentities(content: ContentFacts): readonly Finding[] {
  const { tablesWithoutKey, virtualWithoutKey } = content;
  if (virtualWithoutKey.length > 0) {
    const found = `virtual columns and no key: ${listed(virtualWithoutKey)}`;
    return [obstacle('replica identity', found, 'add a primary key, or make the columns STORED')];
  }
  if (tablesWithoutKey.length === 0)
    return [ok('replica identity', 'every table has a usable key')];
  const fix = 'get REPLICA IDENTITY FULL, which writes whole rows; a primary key is better';
  return [note('replica identity', `no usable key: ${listed(tablesWithoutKey)}`, fix)];
}

function checkList(
  check: string,
  names: readonly string[],
  { fix }: { readonly fix: string },
): Finding {
  return names.length === 0 ? ok(check, 'none') : obstacle(check, listed(names), fix);
}

function checkCount(check: string, count: number, { fix }: { readonly fix: string }): Finding {
  return count === 0 ? ok(check, 'none') : obstacle(check, String(count), fix);
}

function listed(names: readonly string[]): string {
  const shown = names.slice(0, listedMax).join(', ');
  const more = names.length - listedMax;
  return more > 0 ? `${shown} and ${String(more)} more` : shown;
}
