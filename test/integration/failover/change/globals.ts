/**
 * What a primary has beside its tables is there after a switchover: roles and grants, capture of
 * DDL, triggers; `meridian verify` sees what was changed by hand.
 */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { resolve } from 'node:path';
import { test } from 'node:test';
import { connectPg, type PgClient } from '../../../../shared/pg/client.ts';
import type { TestCluster } from '../../../helpers/cluster.ts';
import { eventually } from '../../../helpers/eventually.ts';

async function connect(cluster: TestCluster, region: string, as: string[]): Promise<PgClient> {
  const { bind, nodes } = cluster.region(region);
  const at = { host: bind, port: nodes[0]?.port ?? 5432, database: cluster.config.database };
  const [user = 'meridian_owner', password = cluster.secrets(region).shared.postgres.owner] = as;
  return connectPg({ ...at, user, password, applicationName: 'test' });
}

async function asOwner(cluster: TestCluster, region: string, sql: string): Promise<void> {
  const client = await connect(cluster, region, []);
  await client.query(sql).finally(() => client.end());
}

/** In the first primary, before it hands over. */
export async function makeClerk(cluster: TestCluster, primary: string): Promise<void> {
  await asOwner(
    cluster,
    primary,
    `CREATE TABLE ledger (id int PRIMARY KEY, by_whom text DEFAULT current_user);
     CREATE ROLE clerk LOGIN PASSWORD 'a-secret-of-the-clerk';
     ALTER ROLE clerk SET work_mem = '9MB'; GRANT INSERT, SELECT ON ledger TO clerk`,
  );
}

/** After that: `primaryNow` is another region. */
export function testGlobals(cluster: () => TestCluster, primaryNow: () => Promise<string>): void {
  test('a role made and granted before a switchover writes in the new primary', async () => {
    const primary = await primaryNow();
    const clerk = await connect(cluster(), primary, ['clerk', 'a-secret-of-the-clerk']);
    try {
      await clerk.query('INSERT INTO ledger VALUES (1)');
      const { rows } = await clerk.query(
        `SELECT current_setting('work_mem') AS memory, by_whom AS who FROM ledger`,
      );
      assert.deepEqual(rows, [{ memory: '9MB', who: 'clerk' }]);
    } finally {
      await clerk.end();
    }
  });

  test('trap 26: a promoted region captures DDL, and its triggers act once', async () => {
    await asOwner(
      cluster(),
      await primaryNow(),
      `CREATE TABLE audit (id int GENERATED ALWAYS AS IDENTITY PRIMARY KEY, what text);
       CREATE FUNCTION note() RETURNS trigger LANGUAGE plpgsql AS
         $$BEGIN INSERT INTO audit (what) VALUES (NEW.id || NEW.by_whom); RETURN NEW; END$$;
       CREATE TRIGGER noted AFTER INSERT ON ledger FOR EACH ROW EXECUTE FUNCTION note();
       INSERT INTO ledger VALUES (2, 'after'), (3, 'the change')`,
    );
    const found = `SELECT (SELECT string_agg(what, ', ' ORDER BY id) FROM audit) AS what,
      (SELECT count(*) FROM pg_trigger WHERE tgname = 'noted') AS triggers`;
    for (const region of cluster().regionIds) {
      await eventually(async () => {
        const client = await connect(cluster(), region, []);
        const { rows } = await client
          .query<{ what: string; triggers: string }>(found)
          .catch(() => ({ rows: [] }))
          .finally(() => client.end());
        return rows[0]?.what === '2after, 3the change' && rows[0].triggers === '1';
      });
    }
  });
}

/** When nobody writes any more. */
export function testChangesByHand(
  cluster: () => TestCluster,
  primaryNow: () => Promise<string>,
): void {
  const aReplica = async (): Promise<string> => {
    const primary = await primaryNow();
    return cluster().regionIds.find((id) => id !== primary) ?? '';
  };

  test('verify finds the regions equal, and names a row that was changed by hand', async () => {
    const equal = cli(cluster(), 'verify', '--json');
    assert.equal(equal.code, 0, equal.out);
    await asOwner(
      cluster(),
      await aReplica(),
      `SET session_replication_role = replica; UPDATE ledger SET by_whom = 'a stranger'`,
    );
    const { code, out } = cli(cluster(), 'verify', '--json');
    assert.equal(code, 1, out);
    assert.match(out, /"key": "\[\\"1\\"\]",\s+"kind": "differs",\s+"region"/);
  });

  test('a column added behind Meridian is named, and no switchover goes there', async () => {
    const [from, to] = [await primaryNow(), await aReplica()];
    const ask = (body: object): Promise<Record<string, unknown>> =>
      cluster().admin(from, `/admin/regions/${from}/failover`, { to, dryRun: true, ...body });
    const behind = (sql: string): Promise<void> =>
      asOwner(cluster(), to, `SET event_triggers = off; ${sql}`);
    const named = /differs from the primary: column public\.ledger\.note exists only there/;
    // A busy region may lag too much for a moment, which is said first.
    const isSaid = async (body: object): Promise<Record<string, unknown> | null> => {
      const answer = await ask(body);
      return named.test(JSON.stringify(answer)) ? answer : null;
    };
    await eventually(async () => (await ask({}))['allowed'] === true, { deadlineMs: 20_000 });
    await behind('ALTER TABLE ledger ADD COLUMN note text');
    const dry = await eventually(() => isSaid({}), { deadlineMs: 20_000 });
    assert.equal(dry['allowed'], false);
    const refusal = await eventually(() => isSaid({ dryRun: false }), { deadlineMs: 20_000 });
    assert.equal(refusal['code'], 'RequestInvalid');
    assert.match(
      cli(cluster(), 'status').out,
      /differs from the primary: column public\.ledger\.note/,
    );
    await behind('ALTER TABLE ledger DROP COLUMN note');
    await eventually(async () => (await ask({}))['allowed'] === true, { deadlineMs: 20_000 });
  });

  test('a role changed by hand in a region is shown, and no switchover goes there', async () => {
    const [from, to] = [await primaryNow(), await aReplica()];
    await asOwner(cluster(), to, 'ALTER ROLE clerk CREATEDB');
    const refusal = await eventually(
      async () => {
        const all = await cluster().admin(from, '/admin/regions');
        if (!JSON.stringify(all).includes('role clerk')) return null;
        return cluster().admin(from, `/admin/regions/${from}/failover`, { kind: 'switchover', to });
      },
      { deadlineMs: 20_000 },
    );
    assert.match(JSON.stringify(refusal), /differs from the primary: role clerk/);
  });
}

/** What the command line answers on the cluster's own files. */
export function cli(
  cluster: TestCluster,
  ...words: readonly string[]
): { readonly code: number | null; readonly out: string } {
  const entry = resolve(import.meta.dirname, '../../../../services/cli/main.ts');
  const args = [entry, '--data', cluster.stateFolder, ...words];
  const { status, stdout, stderr } = spawnSync(process.execPath, args, { encoding: 'utf8' });
  return { code: status, out: `${stdout}${stderr}` };
}
