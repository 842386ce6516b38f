import assert from 'node:assert/strict';
import { test } from 'node:test';
import { isLater, SessionPosition } from '../../../../services/client/session-position.ts';

const token = (position: string) =>
  `${Buffer.from(`1.main.${position}.e.cluster`).toString('base64url')}.k1.signature`;

const rows: [string, string, string, boolean][] = [
  ['a later LSN', token('1:0/20'), token('1:0/1F'), true],
  ['the same', token('1:0/20'), token('1:0/20'), false],
  ['a higher half', token('1:1/0'), token('1:0/FFFFFFFF'), true],
  ['a later epoch', token('2:0/0'), token('1:9/0'), true],
  ['what cannot be read', 'x', token('1:0/1'), false],
];
for (const [name, a, b, expected] of rows) test(name, () => assert.equal(isLater(a, b), expected));

test('a session never goes back', () => {
  const session = new SessionPosition();
  session.advance(token('1:0/20'));
  session.advance(token('1:0/10'));
  session.advance(null);
  assert.equal(session.token, token('1:0/20'));
  session.advance(token('2:0/0'));
  assert.equal(session.token, token('2:0/0'));
  session.reset();
  assert.equal(session.token, null);
});
