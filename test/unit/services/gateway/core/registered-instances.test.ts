import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  keepRegistered,
  type Registered,
} from '../../../../../services/gateway/core/registered-instances.ts';

const a = { id: 'a', leaseMs: 3000, target: 'at a' };
const b = { id: 'b', leaseMs: 9000, target: 'at b' };
const gone = { id: 'b', leaseMs: 60_000, target: null };

interface Row {
  readonly name: string;
  readonly known: readonly Registered<string>[];
  readonly named: readonly Registered<string>[];
  readonly elapsedMs: number;
  readonly expected: readonly Registered<string>[];
}

const rows: readonly Row[] = [
  { name: 'what is named counts', known: [], named: [a, b], elapsedMs: 0, expected: [a, b] },
  {
    name: 'a renewed lease counts anew',
    ...{ known: [{ ...a, leaseMs: 1 }], named: [a], elapsedMs: 1000, expected: [a] },
  },
  {
    name: 'a registry without memory: each is kept for the rest of its lease',
    ...{ known: [a, b], named: [], elapsedMs: 1000 },
    expected: [
      { ...a, leaseMs: 2000 },
      { ...b, leaseMs: 8000 },
    ],
  },
  {
    name: 'a lease that has run out',
    ...{ known: [a, b], named: [b], elapsedMs: 3000, expected: [b] },
  },
  {
    name: 'who left in order is not kept',
    ...{ known: [a, b], named: [a, gone], elapsedMs: 1000, expected: [a, gone] },
  },
];

for (const { name, known, named, elapsedMs, expected } of rows) {
  test(name, () => assert.deepEqual(keepRegistered(known, named, elapsedMs), expected));
}
