/**
 * Values as `pg` gives them, so that an application sees the same when it moves over: PostgreSQL's
 * text by type OID into JavaScript.
 */
import { parseArray } from './pg-arrays.ts';
import { parseDate, parseInterval } from './pg-dates.ts';

export type TypeParser = (text: string) => unknown;

const integer: TypeParser = (text) => Number.parseInt(text, 10);
const float: TypeParser = (text) => Number.parseFloat(text);
const asIs: TypeParser = (text) => text;
const boolean: TypeParser = (text) => text === 't';
const json: TypeParser = (text) => JSON.parse(text) as unknown;
const bytes: TypeParser = (text) => Buffer.from(text.slice(2), 'hex');
const date: TypeParser = parseDate;
const interval: TypeParser = parseInterval;
const point: TypeParser = (text) => {
  const [x = '', y = ''] = text.slice(1, -1).split(',');
  return { x: Number(x), y: Number(y) };
};

/** int8 and numeric stay text: JavaScript's numbers would lose digits. */
const scalars: readonly (readonly [number, TypeParser])[] = [
  [16, boolean],
  [17, bytes],
  [20, asIs],
  [21, integer],
  [23, integer],
  [26, integer],
  [114, json],
  [600, point],
  [700, float],
  [701, float],
  [1082, date],
  [1114, date],
  [1184, date],
  [1186, interval],
  [1700, asIs],
  [3802, json],
];

/** OIDs of array types and how their elements are read. */
const arrays: readonly (readonly [number, TypeParser])[] = [
  ...[1000].map((oid) => [oid, boolean] as const),
  ...[1005, 1007, 1028].map((oid) => [oid, integer] as const),
  ...[1021, 1022, 1231].map((oid) => [oid, float] as const),
  ...[1115, 1182, 1185].map((oid) => [oid, date] as const),
  ...[199, 3807].map((oid) => [oid, json] as const),
  ...[1001].map((oid) => [oid, bytes] as const),
  ...[1187].map((oid) => [oid, interval] as const),
  ...[1017].map((oid) => [oid, point] as const),
  ...[651, 1002, 1003, 1008, 1009, 1014, 1015, 1016, 1040, 1041, 1183, 1270, 2951].map(
    (oid) => [oid, asIs] as const,
  ),
];

const parsers = new Map<number, TypeParser>([
  ...scalars,
  ...arrays.map(([oid, of]) => [oid, (text: string) => parseArray(text, of)] as const),
]);

/** The parsers by type OID, to be changed as those of `pg`. */
export const types = {
  setTypeParser(oid: number, parser: TypeParser): void {
    parsers.set(oid, parser);
  },
  getTypeParser(oid: number): TypeParser {
    return parsers.get(oid) ?? asIs;
  },
};
