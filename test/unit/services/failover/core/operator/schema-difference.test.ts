import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import {
  schemaDifferences,
  type SchemaDescription,
} from '../../../../../../services/failover/core/operator/schema-difference.ts';

const orders = ['table public.orders', 'r', ''] as const;
const id = ['column public.orders.id', 'bigint', 'table public.orders'] as const;
const note = ['column public.orders.note', 'text', 'table public.orders'] as const;
const routine = ['routine public.f()', 'a'.repeat(80), ''] as const;

function schema(
  objects: readonly (readonly [string, string, string])[],
  commands = 4n,
): SchemaDescription {
  return {
    commands,
    objects: objects.map(([name, definition, partOf]) => ({ name, definition, partOf })),
  };
}

function onlyHere(objects: readonly (readonly [string, ...unknown[]])[]): readonly string[] {
  return objects.map(([name]) => `${name} exists only there`);
}

describe('what differs from the schema of the primary', () => {
  const here = schema([orders, id]);
  const many = Array.from({ length: 12 }, (_, n) => [`table public.t${n}`, 'r', ''] as const);
  const rows = [
    ['nothing', here, here, []],
    [
      'a column more',
      schema([orders, id, note]),
      here,
      ['column public.orders.note exists only there'],
    ],
    [
      'a column less',
      here,
      schema([orders, id, note]),
      ['column public.orders.note is missing there'],
    ],
    [
      'another type',
      schema([orders, ['column public.orders.id', 'integer', 'table public.orders']]),
      here,
      ['column public.orders.id is integer, not bigint'],
    ],
    [
      'another routine',
      schema([['routine public.f()', 'b'.repeat(80), '']]),
      schema([routine]),
      ['routine public.f() is defined otherwise'],
    ],
    ['a table with all its parts', schema([]), here, ['table public.orders is missing there']],
    ['no more than fit in a line', schema(many), schema([]), onlyHere(many.slice(0, 10))],
    [
      'a command that is not applied yet',
      schema([orders, id], 3n),
      schema([orders, id, note]),
      null,
    ],
    [
      'the same command, another effect',
      schema([orders], 4n),
      here,
      ['column public.orders.id is missing there'],
    ],
  ] as const;
  for (const [name, own, primary, expected] of rows) {
    it(name, () => {
      assert.deepEqual(schemaDifferences(own, primary), expected);
    });
  }
});
