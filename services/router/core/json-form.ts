/**
 * The JSON form of PostgreSQL's text values, exact for every type:
 * - boolean: true, false; int2, int4, oid: number;
 * - int8: a number within ±(2^53 − 1), else a string of digits;
 * - numeric, float4, float8: a number when a JSON reader gets the same digits back, else the
 *   text as a string ("1.10", "NaN", "Infinity", more than 15 digits);
 * - json, jsonb: the document itself, digits and order of keys kept in the text of the reply;
 * - arrays of the types above: JSON arrays, nested, NULL as null; other arrays: the text;
 * - everything else (text, timestamps, bytea, ranges, …): PostgreSQL's text as a string.
 */
import { parseArrayText } from './array-text.ts';

type Form = 'boolean' | 'integer' | 'bigint' | 'decimal' | 'json' | 'text';

/** Type OIDs of pg_type.dat: fixed for built-in types. */
const formOfType: ReadonlyMap<number, Form> = new Map([
  [16, 'boolean'],
  [21, 'integer'],
  [23, 'integer'],
  [26, 'integer'],
  [20, 'bigint'],
  [700, 'decimal'],
  [701, 'decimal'],
  [1700, 'decimal'],
  [114, 'json'],
  [3802, 'json'],
]);

/** Array types and the form of their elements; boxes, whose delimiter differs, are not here. */
const formOfArray: ReadonlyMap<number, Form> = new Map([
  [1000, 'boolean'],
  [1005, 'integer'],
  [1007, 'integer'],
  [1028, 'integer'],
  [1016, 'bigint'],
  [1021, 'decimal'],
  [1022, 'decimal'],
  [1231, 'decimal'],
  [199, 'json'],
  [3807, 'json'],
  [1009, 'text'],
  [1015, 'text'],
  [1002, 'text'],
  [1014, 'text'],
  [2951, 'text'],
  [1115, 'text'],
  [1185, 'text'],
  [1182, 'text'],
  [1183, 'text'],
  [1270, 'text'],
  [1187, 'text'],
  [1001, 'text'],
  [1041, 'text'],
  [651, 'text'],
]);

/** JSON text for `text`, a value of type `typeOid` in PostgreSQL's text form (null: NULL). */
export function jsonOf(text: string | null, typeOid: number): string {
  if (text === null) return 'null';
  const form = formOfType.get(typeOid);
  if (form !== undefined) return jsonOfScalar(text, form);
  const element = formOfArray.get(typeOid);
  return element === undefined ? JSON.stringify(text) : jsonOfArray(text, element);
}

function jsonOfScalar(text: string, form: Form): string {
  switch (form) {
    case 'boolean':
      return text === 't' ? 'true' : 'false';
    case 'integer':
      return text;
    case 'bigint':
      return Number.isSafeInteger(Number(text)) ? text : `"${text}"`;
    case 'decimal':
      return String(Number(text)) === text && Number.isFinite(Number(text)) && text !== '-0'
        ? text
        : JSON.stringify(text);
    case 'json':
      // Line ends are legal between tokens only; a reply or a line of a stream must hold none.
      return text.replaceAll(/[\r\n]/g, ' ');
    case 'text':
      return JSON.stringify(text);
  }
}

function jsonOfArray(text: string, form: Form): string {
  const items = parseArrayText(text);
  if (items === null) return JSON.stringify(text);
  const write = (item: (typeof items)[number]): string => {
    if (item === null) return 'null';
    return typeof item === 'string' ? jsonOfScalar(item, form) : `[${item.map(write).join(',')}]`;
  };
  return `[${items.map(write).join(',')}]`;
}
