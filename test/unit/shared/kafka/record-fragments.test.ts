import assert from 'node:assert/strict';
import { test } from 'node:test';
import { FragmentJoiner, fragmentsOf } from '../../../../shared/kafka/record-fragments.ts';

const record = Uint8Array.from({ length: 1000 }, (_, index) => index % 251);
const plain = Uint8Array.of(1, 2, 3);
const parts = [...fragmentsOf(record, 7n, 300)];

function joined(messages: readonly (Uint8Array | undefined)[]): number[] {
  const joiner = new FragmentJoiner();
  return messages.flatMap((message) => {
    const whole = joiner.take(message ?? plain);
    if (whole === null) return [];
    if (whole.byteLength > 3) assert.deepEqual(new Uint8Array(whole), record);
    return [whole.byteLength];
  });
}

const [a, b, c, d] = parts;
const other = [...fragmentsOf(record, 8n, 300)];
const rows: readonly (readonly [string, (Uint8Array | undefined)[], number[]])[] = [
  ['all parts, between records that are whole', [plain, a, b, c, d, plain], [3, 1000, 3]],
  ['reading begins amid a record', [c, d, plain, ...other], [3, 1000]],
  ['parts that come twice', [a, b, b, a, b, c, c, d], [1000]],
  ['the writer stopped amid a record and began again', [a, b, ...other], [1000]],
  ['a record that was never completed', [a, b, plain], [3]],
  ['a part is missing', [a, c, d, plain], [3]],
  ['the whole record comes twice', [...parts, ...parts], [1000, 1000]],
];

for (const [name, messages, lengths] of rows) {
  test(`trap 16: fragments: ${name}`, () => assert.deepEqual(joined(messages), lengths));
}

test('no message is larger than asked for, beside its head', () => {
  assert.deepEqual(
    parts.map(({ byteLength }) => byteLength - 17),
    [300, 300, 300, 100],
  );
});
