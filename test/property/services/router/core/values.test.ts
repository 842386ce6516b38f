/** Text forms of values, against deliberately naive models. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { formatArrayText, parseArrayText } from '../../../../../services/router/core/array-text.ts';
import { jsonOf } from '../../../../../services/router/core/json-form.ts';
import { resultText } from '../../../../../services/router/core/reply-text.ts';

const item = fc.letrec((tie) => ({
  leaf: fc.oneof(fc.constant(null), fc.string({ unit: 'binary', maxLength: 8 })),
  node: fc.oneof(
    { depthSize: 'small', maxDepth: 4 },
    tie('leaf'),
    fc.array(tie('node'), { minLength: 1, maxLength: 4 }),
  ),
}));

test('arrays: what is written is read back', () => {
  fc.assert(
    fc.property(fc.array(item.node, { maxLength: 5 }), (items) => {
      const written = items as Parameters<typeof formatArrayText>[0];
      assert.deepEqual(parseArrayText(formatArrayText(written)), written);
    }),
  );
});

test('arrays: no text makes the reader throw', () => {
  fc.assert(
    fc.property(fc.string({ unit: fc.constantFrom(...'{},"\\aNUL ') }), (text) => {
      parseArrayText(text);
    }),
  );
});

test('numbers: a JSON reader gets the same digits, or a string of them', () => {
  const digits = fc.tuple(fc.bigInt({ min: -(10n ** 25n), max: 10n ** 25n }), fc.nat({ max: 12 }));
  fc.assert(
    fc.property(digits, fc.constantFrom(20, 1700), ([whole, scale], typeOid) => {
      const plain = whole.toString();
      const isInteger = typeOid === 20 || scale === 0;
      const text = isInteger ? plain : `${plain}.${'7'.repeat(scale)}`;
      const value = JSON.parse(jsonOf(text, typeOid)) as unknown;
      assert.equal(String(value), text);
    }),
  );
});

test('json: the document keeps its meaning on one line', () => {
  fc.assert(
    fc.property(fc.json(), fc.constantFrom(undefined, 2), (document, indent) => {
      const text = JSON.stringify(JSON.parse(document), null, indent);
      const written = jsonOf(text, 114);
      assert.ok(!/[\r\n]/.test(written));
      assert.deepEqual(JSON.parse(written), JSON.parse(text));
    }),
  );
});

test('a reply is JSON whatever the names and values are', () => {
  const name = fc.string({ unit: 'binary', maxLength: 5 });
  const value = fc.option(fc.string({ unit: 'binary' }));
  const rows = fc
    .tuple(name, name)
    .chain((names) =>
      fc.record({ names: fc.constant(names), rows: fc.array(fc.tuple(value, value)) }),
    );
  fc.assert(
    fc.property(rows, fc.constantFrom('object', 'array', 'text'), (made, mode) => {
      const fields = made.names.map((one) => ({ name: one, typeOid: 25 }));
      const result = { ...made, fields, command: 'SELECT', rowCount: 1, isCutOff: false };
      const body = JSON.parse(resultText(result, mode)) as { rows: unknown[] };
      const values = body.rows.map((row) =>
        mode === 'object' ? Object.values(row as object) : row,
      );
      assert.equal(values.length, made.rows.length);
      for (const [index, row] of made.rows.entries()) {
        assert.deepEqual((values[index] as unknown[]).toSorted(), [...row].toSorted());
      }
    }),
  );
});
