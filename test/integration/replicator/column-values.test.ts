/**
 * Types × operations: each value is put in, changed, moved to another key, put back, deleted, in
 * tables with and without a key, one by one and in groups; rows are equal in the other region,
 * whose server formats dates, money and floats in another way.
 */
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { connectPg, type PgClient } from '../../../shared/pg/client.ts';
import { assertEqualRegions } from '../../helpers/replication/equal-regions.ts';
import {
  startHandCluster,
  type HandCluster,
  type HandRegion,
} from '../../helpers/replication/hand-cluster.ts';

let cluster: HandCluster;
let replica: HandRegion;
let app: PgClient;

before(async () => {
  cluster = await startHandCluster(2);
  const [first] = cluster.replicas;
  assert.ok(first !== undefined);
  replica = first;
  await replica.server.query(
    `ALTER DATABASE app SET datestyle = 'SQL, DMY';
     ALTER DATABASE app SET intervalstyle = 'sql_standard';
     ALTER DATABASE app SET timezone = 'Asia/Kolkata';
     ALTER DATABASE app SET extra_float_digits = 0;
     ALTER DATABASE app SET bytea_output = 'escape'`,
  );
  app = await connectPg(cluster.primary.server.target('app'));
  await app.query(
    `SET synchronous_commit = local; SET datestyle = 'SQL, MDY';
     CREATE TYPE mood AS ENUM ('sad', 'ok', 'it''s "odd"');
     CREATE SCHEMA other; CREATE TYPE other.mood AS ENUM ('blue', 'red');
     CREATE TYPE pair AS (a int, b text[]);
     CREATE DOMAIN code AS text CHECK (VALUE ~ '^[a-z]*$');
     CREATE TYPE span AS RANGE (subtype = float8)`,
  );
});

after(async () => {
  await app.end();
  await cluster.stop();
});

/** Type → values as SQL literals; null is added to each. */
const types: Readonly<Record<string, readonly string[]>> = {
  smallint: ['-32768', '32767'],
  integer: ['-2147483648', '0'],
  bigint: ['-9223372036854775808', '9223372036854775807'],
  numeric: [`'NaN'`, `'-Infinity'`, '1.50', '123456789012345678901234567890.123456789'],
  'numeric(10,2)': ['1.5', '-99999999.99'],
  real: [`'NaN'`, `'Infinity'`, '1.1', `'-0'`, '3.4028235e38'],
  'double precision': ['0.1', '1e-300', `'-0'`, '1.7976931348623157e308'],
  money: [`'$1,234.56'`, `'-$0.01'`],
  boolean: ['true', 'false'],
  text: [`''`, `'a"b\\c{},NULL'`, `E'line\\nbreak\\ttab'`, `'日本語 😀'`, `repeat('x', 99999)`],
  'varchar(10)': [`'a  '`, `''`],
  'char(5)': [`'ab'`, `''`],
  '"char"': [`'a'`, `''`],
  name: [`'a_name'`],
  bytea: [`'\\x'`, `'\\xdeadbeef00ff'`, `decode(repeat('5c27', 5000), 'hex')`],
  date: [`'01/02/2024'`, `'infinity'`, `'-infinity'`, `'4713-01-01 BC'`, `'5874897-12-31'`],
  time: [`'00:00:00.000001'`, `'24:00:00'`],
  timetz: [`'12:00:00.5+05:30'`],
  timestamp: [`'2024-02-29 12:34:56.123456'`, `'infinity'`, `'0044-03-15 BC'`],
  timestamptz: [`'2024-02-29 12:34:56.123456+05:30'`, `'-infinity'`],
  'timestamp(3)': [`'2024-02-29 12:34:56.123456'`],
  interval: [`'1 year -2 months 3 days -04:05:06.789'`, `'-1 day'`, `'0'`],
  uuid: [`'a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11'`],
  json: [`'{"b": 1, "a": 1.0, "a": 2}'`, `'[]'`, `'null'`],
  jsonb: [`'{"b": 1, "a": 1.000}'`, `'"x"'`, `'12345678901234567890.5'`],
  jsonpath: [`'$.a[*] ? (@ > 1)'`],
  xml: [`'<a b="1">&lt;</a>'`],
  inet: [`'192.168.0.1/24'`, `'::1'`],
  cidr: [`'10.0.0.0/8'`],
  macaddr: [`'08:00:2b:01:02:03'`],
  macaddr8: [`'08:00:2b:01:02:03:04:05'`],
  'bit(5)': [`B'10101'`],
  'bit varying(8)': [`B''`, `B'101'`],
  point: [`'(1.5,-2)'`],
  line: [`'{1,2,3}'`],
  lseg: [`'[(0,0),(1,1)]'`],
  box: [`'(1,1),(0,0)'`],
  path: [`'[(0,0),(1,1)]'`, `'((0,0),(1,1))'`],
  polygon: [`'((0,0),(1,1),(2,0))'`],
  circle: [`'<(1,2),3>'`],
  tsvector: [`to_tsvector('english', 'The fat cats')`],
  tsquery: [`'fat & !cat:A'`],
  pg_lsn: [`'16/B374D848'`],
  pg_snapshot: [`'10:20:10,14'`],
  xid8: [`'5000000000'`],
  oid: ['4294967295'],
  regclass: [`'pg_class'`],
  int4range: [`'[1,5)'`, `'empty'`, `'(,)'`],
  numrange: [`'(1.5,2.50]'`],
  tstzrange: [`'[2024-01-01 00:00+00,)'`],
  daterange: [`'[2024-01-01,2024-02-01)'`],
  int8multirange: [`'{[1,2),[5,9)}'`],
  span: [`'[0.1,0.3)'`],
  mood: [`'sad'`, `'it''s "odd"'`],
  'other.mood': [`'blue'`],
  code: [`'abc'`, `''`],
  pair: [`ROW(1, '{a,"b c",NULL}')`, `ROW(NULL, NULL)`],
  'integer[]': [`'{}'`, `'{1,NULL,3}'`, `'[2:3]={7,8}'`],
  'integer[][]': [`'{{1,2},{3,4}}'`],
  'text[][]': [`'{{a,NULL},{"","c,d"}}'`],
  'mood[]': [`'{sad,"it''s \\"odd\\""}'`],
  'pair[]': [`ARRAY[ROW(1, '{x}')::pair, NULL]`],
  'jsonb[]': [`ARRAY['{"a": 1}'::jsonb]`],
  'timestamptz[]': [`ARRAY['2024-01-01 00:00+05'::timestamptz]`],
  'bytea[]': [`ARRAY['\\x00ff'::bytea]`],
};

const typeCount = Object.keys(types).length;

interface TypeCase {
  readonly table: string;
  readonly type: string;
  /** The values as literals, NULL the last. */
  readonly values: readonly string[];
}

const cases = Object.entries(types).map(([type, literals], index): TypeCase => ({
  ...{ table: `type_${index}`, type, values: [...literals, 'NULL'] },
}));
const first = ({ values }: TypeCase): string => values[0] ?? 'NULL';

/** What is done to the values of each type, in this order; `big` is a TOASTed value beside them. */
const operations: Readonly<Record<string, (of: TypeCase) => string>> = {
  'insert of several rows': ({ table, type, values }) => `
    CREATE TABLE ${table} (id int PRIMARY KEY, v ${type}, big text);
    ALTER TABLE ${table} ALTER big SET STORAGE EXTERNAL;
    INSERT INTO ${table} VALUES
      ${values.map((value, at) => `(${at}, ${value}, repeat('t', 5000))`).join(', ')}`,
  'insert of one row': (of) => `INSERT INTO ${of.table} VALUES (100, ${first(of)}, '')`,
  'update to another value': ({ table, values }) =>
    `UPDATE ${table} SET v = ${values.at(-2) ?? 'NULL'} WHERE id IN (0, 100)`,
  'change of the key': ({ table }) => `UPDATE ${table} SET id = id + 1000 WHERE id = 0`,
  'delete and insert of one key': (of) => `
    BEGIN; DELETE FROM ${of.table} WHERE id = 1;
    INSERT INTO ${of.table} VALUES (1, ${first(of)}, 'again'); COMMIT`,
  'update to NULL': ({ table }) => `UPDATE ${table} SET v = NULL WHERE id = 100`,
  'update from NULL': (of) => `UPDATE ${of.table} SET v = ${first(of)} WHERE id = 100`,
  delete: ({ table }) => `DELETE FROM ${table} WHERE id = 100`,
  'insert of equal rows without a key': ({ table, type, values }) => `
    CREATE TABLE ${table}_keyless (id int, v ${type});
    INSERT INTO ${table}_keyless VALUES
      ${values.map((value, at) => `(${at}, ${value}), (${at}, ${value})`).join(', ')}`,
  'delete of one of two equal rows': ({ table }) => `
    DELETE FROM ${table}_keyless
    WHERE ctid IN (SELECT min(ctid) FROM ${table}_keyless GROUP BY id)`,
  'update without a key': ({ table }) => `UPDATE ${table}_keyless SET id = id + 10 WHERE id < 2`,
};

test('the matrix is at least 60 types by 8 operations', () => {
  assert.ok(typeCount >= 60, `${typeCount} types`);
  assert.ok(Object.keys(operations).length >= 8);
});

for (const [name, sqlOf] of Object.entries(operations)) {
  test(`traps 28, 29, 30: ${name}, ${typeCount} types`, async () => {
    await app.query(`SET datestyle = 'SQL, MDY'`);
    for (const of of cases) await app.query(sqlOf(of));
    await cluster.caughtUp(replica, 60_000).catch((error: unknown) => {
      throw new Error(`${String(error)}: ${replica.report()?.why ?? ''}`);
    });
    await assertEqualRegions(cluster.primary.server, replica.server);
  });
}

test('trap 25: deferrable and several unique constraints, values swapped', async () => {
  await app.query(
    `CREATE TABLE u (id int PRIMARY KEY, a int UNIQUE, b int UNIQUE DEFERRABLE INITIALLY DEFERRED);
     INSERT INTO u SELECT g, g, g FROM generate_series(1, 10) g`,
  );
  await app.query('BEGIN; UPDATE u SET b = 11 - b; COMMIT');
  await app.query(
    `BEGIN; UPDATE u SET a = 100 WHERE id = 1; UPDATE u SET a = 1 WHERE id = 2;
     UPDATE u SET a = 2 WHERE id = 1; COMMIT`,
  );
  await app.query(
    'BEGIN; DELETE FROM u WHERE id = 3; INSERT INTO u VALUES (33, 3, 3 + 90); COMMIT',
  );
  await cluster.caughtUp(replica);
  await assertEqualRegions(cluster.primary.server, replica.server);
});

test('trap 31: 50,000 rows with a key of three columns are deleted', async () => {
  await app.query(
    `CREATE TABLE wide (a int, b text, c date, v text, PRIMARY KEY (a, b, c));
     INSERT INTO wide SELECT g, 'k' || g, date '2024-01-01' + g % 100, 'v'
     FROM generate_series(1, 50000) g`,
  );
  await app.query('DELETE FROM wide WHERE a % 1000 <> 0');
  await cluster.caughtUp(replica, 60_000);
  await assertEqualRegions(cluster.primary.server, replica.server);
});

test('trap 32: a row lock held in the other region only delays', async () => {
  const blocker = await connectPg(replica.server.target());
  await app.query(
    `CREATE TABLE held (id int PRIMARY KEY, v text); INSERT INTO held VALUES (1, 'a')`,
  );
  await cluster.caughtUp(replica);
  await blocker.query('BEGIN; SELECT * FROM held FOR UPDATE');
  await app.query(`UPDATE held SET v = 'b'`);
  await new Promise((resolve) => setTimeout(resolve, 6000));
  await blocker.query('ROLLBACK');
  await blocker.end();
  await cluster.caughtUp(replica, 20_000);
  await assertEqualRegions(cluster.primary.server, replica.server);
});
