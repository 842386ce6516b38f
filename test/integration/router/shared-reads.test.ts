/** Reads that share a flush: each gets its own rows, as itself, whatever the others do. */
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { isMeridianError } from '../../../shared/errors/meridian-error.ts';
import type { DataRequest } from '../../../shared/ports/data-access.ts';
import { systemClock } from '../../../shared/runtime/system-clock.ts';
import { RouterCluster } from '../../helpers/router.ts';

type Row = readonly (string | null)[];

let cluster: RouterCluster;

before(async () => {
  cluster = await RouterCluster.start({ regions: ['eu-west'], standbys: 1 });
  for (const sql of [
    'CREATE TABLE public.t (id int PRIMARY KEY, v text)',
    "INSERT INTO t SELECT i, 'value ' || i FROM generate_series(1, 1000) AS i",
  ]) {
    const answer = await cluster.query('eu-west', sql, { durability: 'async' });
    assert.equal(answer.status, 200, answer.text);
  }
});

after(async () => {
  await cluster?.stop();
});

interface Asked {
  readonly param: number;
  readonly sub?: string;
}

/** The rows, or the SQLSTATE of what was thrown. */
async function ask(sql: string, { param, sub = 'ann' }: Asked): Promise<readonly Row[] | string> {
  const request: DataRequest = {
    statements: [{ sql, params: [param] }],
    isTransaction: false,
    isReadOnly: false,
    isolation: null,
    consistency: { level: 'strong' },
    token: null,
    isTokenUpperBound: false,
    durability: 'async',
    idempotencyKey: null,
    caller: { subject: sub, role: 'app', canWrite: false, claims: { sub } },
    isForwarded: false,
    deadlineMs: systemClock.monotonicMs() + 20_000,
    requestId: `r-${param}`,
  };
  try {
    const { results } = await cluster.region('eu-west').router.access.run(request);
    return results[0]?.rows ?? [];
  } catch (error) {
    if (!isMeridianError(error, 'StatementFailed')) throw error;
    return error.details.sqlstate ?? '';
  }
}

/** Asks for all of `asked` at the same moment, once `sql` has become a frequent statement. */
async function together(sql: string, asked: readonly Asked[]) {
  for (let n = 0; n < 4; n += 1) await ask(sql, { param: 1 });
  return Promise.all(asked.map((one) => ask(sql, one)));
}

const numbers = Array.from({ length: 100 }, (_, n) => n + 1);
const each = numbers.map((param) => ({ param }));

test('each gets its own row, and eight share a transaction', async () => {
  const answers = await together('SELECT id, v, now() FROM t WHERE id = $1', each);
  const rows = answers.map((rowsOf) => (typeof rowsOf === 'string' ? [] : (rowsOf[0] ?? [])));
  assert.deepEqual(
    rows.map((row) => row.slice(0, 2)),
    numbers.map((n) => [String(n), `value ${n}`]),
  );
  const transactions = new Set(rows.map((row) => row[2]));
  assert.equal(transactions.size, Math.ceil(numbers.length / 8));
});

test('each runs under the claims of its own caller', async () => {
  const subjects = ['ann', 'bob', 'eve'];
  const sql = "SELECT current_setting('meridian.claims')::json ->> 'sub', $1::int";
  const asked = numbers.map((param) => ({ param, sub: subjects[param % 3] ?? '' }));
  const answers = await together(sql, asked);
  assert.deepEqual(
    answers,
    asked.map(({ param, sub }) => [[sub, String(param)]]),
  );
});

test('one that fails is told so; those before and behind it are not', async () => {
  const answers = await together('SELECT 100 / ($1::int % 10)', each);
  assert.deepEqual(
    answers,
    numbers.map((n) => (n % 10 === 0 ? '22012' : [[String(Math.trunc(100 / (n % 10)))]])),
  );
});

test('one that is slow is whole, and so are those that came with it', async () => {
  const sql = 'SELECT count(*) FROM generate_series(1, $1::int)';
  const sizes = [1, 2, 3_000_000, ...numbers];
  const answers = await together(
    sql,
    sizes.map((param) => ({ param })),
  );
  assert.deepEqual(
    answers,
    sizes.map((size) => [[String(size)]]),
  );
});

test('one that is large is whole', async () => {
  const sizes = [1000, 1, 1000, 2];
  const answers = await together(
    'SELECT id FROM t WHERE id <= $1 ORDER BY id',
    sizes.map((param) => ({ param })),
  );
  assert.deepEqual(
    answers.map((rows) => rows.length),
    sizes,
  );
});

test('a table altered under kept plans is read as it is now', async () => {
  const sql = 'SELECT * FROM t WHERE id = $1';
  await together(sql, each);
  const altered = await cluster.query('eu-west', 'ALTER TABLE t ADD COLUMN w int DEFAULT 7', {
    durability: 'async',
  });
  assert.equal(altered.status, 200, altered.text);
  assert.deepEqual(
    await together(sql, each),
    numbers.map((n) => [[String(n), `value ${n}`, '7']]),
  );
});
