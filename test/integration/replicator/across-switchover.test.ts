// test: deadline 240 s
/**
 * Three whole regions: a role made and granted in one logs in and writes in another right after a
 * switchover; `meridian verify` finds them equal, and a row changed by hand; drift stops a change.
 */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { resolve } from 'node:path';
import { after, before, test } from 'node:test';
import { connectPg, type PgClient } from '../../../shared/pg/client.ts';
import { TestCluster } from '../../helpers/cluster.ts';
import { eventually } from '../../helpers/eventually.ts';

let cluster: TestCluster;

before(async () => {
  cluster = await TestCluster.start({ nodesPerRegion: 1 });
});

after(() => cluster?.remove());

async function connect(region: string, user: string, password: string): Promise<PgClient> {
  const { bind, nodes } = cluster.region(region);
  const at = { host: bind, port: nodes[0]?.port ?? 5432, database: cluster.config.database };
  return connectPg({ ...at, user, password, applicationName: 'test' });
}

async function asOwner(region: string, sql: string): Promise<void> {
  const password = cluster.secrets(region).shared.postgres.owner;
  const client = await connect(region, 'meridian_owner', password);
  await client.query(sql).finally(() => client.end());
}

function verify(): { readonly code: number | null; readonly out: string } {
  const entry = resolve(import.meta.dirname, '../../../services/cli/main.ts');
  const args = [entry, '--data', cluster.stateFolder, 'verify', '--json'];
  const { status, stdout, stderr } = spawnSync(process.execPath, args, { encoding: 'utf8' });
  return { code: status, out: `${stdout}${stderr}` };
}

async function switchOver(from: string, to: string): Promise<Record<string, unknown>> {
  const body = { kind: 'switchover', to };
  return cluster.admin(from, `/admin/regions/${from}/failover`, body);
}

test('a role made and granted before a switchover writes in the new primary after it', async () => {
  const [first = '', second = ''] = cluster.regionIds;
  await asOwner(
    first,
    `CREATE TABLE ledger (id int PRIMARY KEY, by_whom text DEFAULT current_user);
     CREATE ROLE clerk LOGIN PASSWORD 'a-secret-of-the-clerk';
     ALTER ROLE clerk SET work_mem = '9MB'; GRANT INSERT, SELECT ON ledger TO clerk`,
  );
  const begun = await switchOver(first, second);
  assert.equal(begun['httpStatus'], 202, JSON.stringify(begun));
  const written = await eventually(
    async () => {
      const clerk = await connect(second, 'clerk', 'a-secret-of-the-clerk').catch(() => null);
      if (clerk === null) return null;
      try {
        await clerk.query('INSERT INTO ledger VALUES (1)');
        const { rows } = await clerk.query<{ memory: string; who: string }>(
          `SELECT current_setting('work_mem') AS memory, by_whom AS who FROM ledger`,
        );
        return rows;
      } finally {
        await clerk.end();
      }
    },
    { deadlineMs: 20_000 },
  );
  assert.deepEqual(written, [{ memory: '9MB', who: 'clerk' }]);
});

test('trap 26: a promoted region captures DDL, and its triggers act once', async () => {
  const [first = '', second = ''] = cluster.regionIds;
  await asOwner(
    second,
    `CREATE TABLE audit (id int GENERATED ALWAYS AS IDENTITY PRIMARY KEY, what text);
     CREATE FUNCTION note() RETURNS trigger LANGUAGE plpgsql AS
       $$BEGIN INSERT INTO audit (what) VALUES (NEW.id || NEW.by_whom); RETURN NEW; END$$;
     CREATE TRIGGER noted AFTER INSERT ON ledger FOR EACH ROW EXECUTE FUNCTION note();
     INSERT INTO ledger VALUES (2, 'after'), (3, 'the change')`,
  );
  const found = `SELECT (SELECT string_agg(what, ', ' ORDER BY id) FROM audit) AS what,
    (SELECT count(*) FROM pg_trigger WHERE tgname = 'noted') AS triggers`;
  const password = cluster.secrets(first).shared.postgres.owner;
  for (const region of cluster.regionIds) {
    await eventually(async () => {
      const client = await connect(region, 'meridian_owner', password);
      const { rows } = await client
        .query<{ what: string; triggers: string }>(found)
        .catch(() => ({ rows: [] }))
        .finally(() => client.end());
      return rows[0]?.what === '2after, 3the change' && rows[0].triggers === '1';
    });
  }
});

test('verify finds the regions equal, and names a row that was changed by hand', async () => {
  const [first = ''] = cluster.regionIds;
  const equal = verify();
  assert.equal(equal.code, 0, equal.out);
  await asOwner(
    first,
    `SET session_replication_role = replica; UPDATE ledger SET by_whom = 'a stranger'`,
  );
  const { code, out } = verify();
  assert.equal(code, 1, out);
  assert.match(out, /"key": "\[\\"1\\"\]",\s+"kind": "differs",\s+"region"/);
});

test('a role changed by hand in a region is shown, and no switchover goes there', async () => {
  const [first = '', second = ''] = cluster.regionIds;
  await asOwner(first, 'ALTER ROLE clerk CREATEDB');
  const refusal = await eventually(
    async () => {
      const answer = await cluster.admin(second, `/admin/regions/${second}`);
      const all = await cluster.admin(second, '/admin/regions');
      return JSON.stringify([answer, all]).includes('role clerk')
        ? switchOver(second, first)
        : null;
    },
    { deadlineMs: 20_000 },
  );
  assert.match(JSON.stringify(refusal), /differs from the primary: role clerk/);
  await asOwner(first, 'ALTER ROLE clerk NOCREATEDB');
});
