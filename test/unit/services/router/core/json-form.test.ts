import assert from 'node:assert/strict';
import { test } from 'node:test';
import { jsonOf } from '../../../../../services/router/core/json-form.ts';

const rows: [string, number, string | null, string][] = [
  ['NULL', 23, null, 'null'],
  ['true', 16, 't', 'true'],
  ['int4', 23, '-5', '-5'],
  ['a safe int8', 20, '9007199254740991', '9007199254740991'],
  ['an int8 beyond', 20, '9007199254740993', '"9007199254740993"'],
  ['a numeric that survives', 1700, '12.5', '12.5'],
  ['a numeric with a scale', 1700, '1.10', '"1.10"'],
  ['a long numeric', 1700, '0.1234567890123456789', '"0.1234567890123456789"'],
  ['NaN', 701, 'NaN', '"NaN"'],
  ['Infinity', 701, '-Infinity', '"-Infinity"'],
  ['a large float8', 701, '1e+300', '1e+300'],
  ['minus zero', 701, '-0', '"-0"'],
  ['jsonb with a large number', 3802, '{"a": 12345678901234567890}', '{"a": 12345678901234567890}'],
  ['json over lines', 114, '{\n"b": 1,\n"a": 2}', '{ "b": 1, "a": 2}'],
  ['text', 25, 'a"b\n', '"a\\"b\\n"'],
  [
    'a timestamp keeps its microseconds',
    1184,
    '2026-01-01 00:00:00.123456+00',
    '"2026-01-01 00:00:00.123456+00"',
  ],
  ['int4[]', 1007, '{1,NULL,3}', '[1,null,3]'],
  ['nested int8[]', 1016, '{{1,9007199254740993}}', '[[1,"9007199254740993"]]'],
  ['text[]', 1009, '{a,"b c",NULL,"NULL"}', '["a","b c",null,"NULL"]'],
  ['empty array', 1009, '{}', '[]'],
  ['an array with bounds stays text', 1007, '[0:1]={1,2}', '"[0:1]={1,2}"'],
  ['an unknown type', 99_999, 'x', '"x"'],
];

for (const [name, typeOid, text, json] of rows) {
  test(name, () => assert.equal(jsonOf(text, typeOid), json));
}
