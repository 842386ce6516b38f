// test: alone deadline 420 s
/**
 * A person forces a failover past confirmed writes: nothing but the forced attempt opens, the loss
 * is shown before, and listed row by row when the regions that held it come back.
 */
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { TestCluster } from '../../helpers/cluster.ts';
import { runVerb, type VerbEnd } from '../../helpers/cluster/verbs.ts';
import { eventually } from '../../helpers/eventually.ts';

let cluster: TestCluster;
let lost: readonly string[] = [];
let chosen = '';

before(async () => {
  cluster = await TestCluster.start({ nodesPerRegion: 1 });
  await write('CREATE TABLE entry (id text PRIMARY KEY, body text)');
  await write(`INSERT INTO entry VALUES ('kept', 'before')`);
});

after(async () => {
  await cluster.remove();
});

test('without acceptDataLoss nothing opens; with it the chosen region does', async () => {
  const { primary } = await regions();
  chosen = cluster.regionIds.findLast((id) => id !== primary) ?? '';
  lost = cluster.regionIds.filter((id) => id !== chosen);
  await eventually(() => holds(chosen, 'before'), { deadlineMs: 60_000 });
  await cluster.stopRegion(chosen);
  // Confirmed by the other member: both hold them, the chosen region does not.
  await write(`INSERT INTO entry VALUES ('lost', 'new')`, 'lost-1');
  await write(`UPDATE entry SET body = 'after' WHERE id = 'kept'`, 'lost-2');
  for (const id of lost) await cluster.signal(id, 'meridian', 'SIGSTOP');
  // Ready it is not before another region answers; what it needs for this is the control log.
  cluster.up().catch(() => undefined);
  await eventually(async () => (await epochAt(chosen)) === 1, { deadlineMs: 60_000 });

  const path = `/admin/regions/${chosen}/promote`;
  const body = { kind: 'failover', force: true };
  const codeOf = async (): Promise<unknown> => (await cluster.admin(chosen, path, body))['code'];
  // Before it has read the control log to its end it refuses everything.
  await eventually(async () => (await codeOf()) !== 'NotPrimary', { deadlineMs: 60_000 });
  assert.equal(await codeOf(), 'DataLossNotAccepted');
  assert.equal(await epochAt(chosen), 1);

  const words = ['failover', '--to', chosen, '--accept-data-loss'];
  const plan = await meridian(...words, '--dry-run', '--json');
  assert.equal(plan.code, 0, plan.err);
  const { loss } = JSON.parse(plan.out) as { loss: { inWords: string } };
  assert.match(loss.inWords, /nothing is known of|is given up/);
  const { code, err } = await meridian(...words, '--yes', '--timeout', '60s');
  assert.equal(code, 0, err);
  assert.match(err, /prepared/);
  assert.match(err, /no proof that nothing is lost: forced to/);
  assert.match(err, /write pause/);
  assert.equal(await epochAt(chosen), 2);
});

test('regions that come back list what they held, and are seeded anew', async () => {
  for (const id of lost) await cluster.signal(id, 'meridian', 'SIGCONT');
  const told = await eventually(
    async () => {
      const [newest] = await history();
      return newest?.tails.length === lost.length ? newest : null;
    },
    { deadlineMs: 120_000, intervalMs: 500 },
  );
  assert.deepEqual([told.isForced, told.rowsLost], [true, 2]);
  assert.ok(told.tails.every((tail) => tail.isListed && tail.mayBeConfirmed));
  for (const id of lost) {
    await eventually(async () => (await roleOf(id)) === 'replica', { deadlineMs: 120_000 });
    assert.equal(await holds(id, 'before'), true);
  }
});

test('the rows can be read in every region, exported and discarded', async () => {
  const { out: list } = await meridian('diverged', 'list', '--json');
  const tails = JSON.parse(list) as { region: string; epoch: number; rows: number }[];
  assert.deepEqual(tails.map(({ region }) => region).toSorted(), lost.toSorted());
  for (const { region, epoch } of tails) {
    const { out } = await meridian('diverged', 'export', `${region}/${epoch}`);
    const rows = out
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line) as Record<string, unknown>);
    assert.deepEqual(
      rows.map((row) => [row['table'], row['command'], row['idempotencyKey']]),
      [
        // As it is stored: role, caller, and the key that the client sent.
        ['entry', 'insert', 'app/test/lost-1'],
        ['entry', 'update', 'app/test/lost-2'],
      ],
    );
    assert.deepEqual(rows[1]?.['before'], { id: 'kept', body: 'before' });
    assert.deepEqual(rows[1]?.['after'], { id: 'kept', body: 'after' });
    assert.ok(rows.every(({ confirmed }) => confirmed === 'yes' || confirmed === 'unknown'));
    const discarded = await meridian('diverged', 'discard', `${region}/${epoch}`, '--yes');
    assert.equal(discarded.code, 0, discarded.err);
  }
  const gone = async (): Promise<boolean> => (await meridian('diverged', 'list')).out === '';
  await eventually(gone, { deadlineMs: 20_000, intervalMs: 500 });
});

interface Told {
  readonly isForced: boolean;
  readonly rowsLost: number | null;
  readonly tails: readonly { readonly isListed: boolean; readonly mayBeConfirmed: boolean }[];
}

async function history(): Promise<readonly Told[]> {
  return (await cluster.admin(chosen, '/admin/history'))['items'] as Told[];
}

async function write(sql: string, key?: string): Promise<void> {
  const { primary } = await regions();
  const headers: Record<string, string> = key === undefined ? {} : { 'idempotency-key': key };
  const { status, body } = await cluster.query(primary, sql, { headers });
  assert.equal(status, 200, JSON.stringify(body));
}

async function holds(region: string, body: string): Promise<boolean> {
  const sql = `SELECT body FROM entry WHERE id = 'kept'`;
  const answer = await cluster.query(region, sql, { consistency: 'eventual' });
  return answer.body.rows?.[0]?.['body'] === body;
}

async function regions(): Promise<{ readonly primary: string }> {
  const from = cluster.regionIds[0] ?? '';
  return (await cluster.admin(from, '/admin/regions')) as unknown as { primary: string };
}

async function epochAt(region: string): Promise<number> {
  const answer = await cluster.admin(region, '/admin/regions').catch(() => null);
  return Number(answer?.['epoch'] ?? 0);
}

async function roleOf(region: string): Promise<string> {
  const answer = await cluster.admin(region, `/admin/regions/${region}`).catch(() => null);
  return String(answer?.['role']);
}

function meridian(...words: readonly string[]): Promise<VerbEnd> {
  return runVerb(cluster.stateFolder, ...words);
}
