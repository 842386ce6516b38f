import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Interval } from '../../../../services/client/pg-dates.ts';
import { types } from '../../../../services/client/pg-values.ts';

const rows: [string, number, string, unknown][] = [
  ['boolean', 16, 't', true],
  ['int4', 23, '-7', -7],
  ['int8 keeps its digits', 20, '9223372036854775807', '9223372036854775807'],
  ['numeric keeps its digits', 1700, '1.10', '1.10'],
  ['float8', 701, 'NaN', NaN],
  ['json', 114, '{"a": [1]}', { a: [1] }],
  ['bytea', 17, '\\x00ff', Buffer.from([0, 255])],
  ['timestamptz', 1184, '2026-01-02 03:04:05.678+00', new Date('2026-01-02T03:04:05.678Z')],
  ['timestamptz with minutes', 1184, '2026-01-02 03:04:05+05:30', new Date('2026-01-01T21:34:05Z')],
  ['timestamp is local', 1114, '2026-01-02 03:04:05', new Date(2026, 0, 2, 3, 4, 5)],
  ['date is local', 1082, '2026-01-02', new Date(2026, 0, 2)],
  ['infinity', 1114, '-infinity', -Infinity],
  ['point', 600, '(1.5,-2)', { x: 1.5, y: -2 }],
  ['int4[] with NULL', 1007, '{1,NULL,3}', [1, null, 3]],
  [
    'nested',
    1007,
    '{{1,2},{3,4}}',
    [
      [1, 2],
      [3, 4],
    ],
  ],
  [
    'text[] with everything',
    1009,
    '{"a,b","c\\"d","NULL",NULL,""}',
    ['a,b', 'c"d', 'NULL', null, ''],
  ],
  ['explicit bounds', 1007, '[2:3]={5,6}', [5, 6]],
  ['an empty array', 1009, '{}', []],
  ['jsonb[]', 3807, '{"{\\"a\\": 1}"}', [{ a: 1 }]],
  ['an unknown type', 99_999, 'as it is', 'as it is'],
];

for (const [name, oid, text, expected] of rows) {
  test(name, () => assert.deepEqual(types.getTypeParser(oid)(text), expected));
}

test('intervals go both ways', () => {
  const value = types.getTypeParser(1186)('1 year -2 mons 3 days -04:05:06.7');
  assert.ok(value instanceof Interval);
  const { years, months, days, hours, minutes, seconds, milliseconds } = value;
  assert.deepEqual(
    [years, months, days, hours, minutes, seconds, milliseconds],
    [1, -2, 3, -4, -5, -6, -700],
  );
  assert.equal(value.toPostgres(), '1 years -2 months 3 days -4 hours -5 minutes -6.7 seconds');
});

test('a parser can be replaced', () => {
  const before = types.getTypeParser(20);
  types.setTypeParser(20, (text) => BigInt(text));
  assert.equal(types.getTypeParser(20)('5'), 5n);
  types.setTypeParser(20, before);
});
