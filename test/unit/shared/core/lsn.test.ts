import assert from 'node:assert/strict';
import { test } from 'node:test';
import { formatLsn, parseLsn, zeroLsn, type Lsn } from '../../../../shared/core/lsn.ts';

const rows: readonly { name: string; text: string; want: bigint | null }[] = [
  { name: 'zero', text: '0/0', want: zeroLsn },
  { name: 'as PostgreSQL prints it', text: '16/B374D848', want: 0x16_b374d848n },
  { name: 'lower case', text: '16/b374d848', want: 0x16_b374d848n },
  { name: 'the highest', text: 'FFFFFFFF/FFFFFFFF', want: (1n << 64n) - 1n },
  { name: 'the low half is no decimal number', text: '1/10', want: (1n << 32n) + 16n },
  { name: 'nine digits', text: '000000001/0', want: null },
  { name: 'no slash', text: '16B374D848', want: null },
  { name: 'two slashes', text: '1/2/3', want: null },
  { name: 'an empty half', text: '/10', want: null },
  { name: 'no hexadecimal digit', text: '1/G', want: null },
  { name: 'a sign', text: '-1/0', want: null },
  { name: 'empty', text: '', want: null },
  { name: 'a line end behind it', text: '1/0\n', want: null },
];

for (const { name, text, want } of rows) {
  test(`LSN: ${name}`, () => {
    assert.equal(parseLsn(text), want);
  });
}

test('an LSN is written in upper case, without leading zeros', () => {
  assert.equal(formatLsn(0x16_0000d848n as Lsn), '16/D848');
  assert.equal(formatLsn(((1n << 64n) - 1n) as Lsn), 'FFFFFFFF/FFFFFFFF');
  assert.equal(formatLsn(zeroLsn), '0/0');
});
