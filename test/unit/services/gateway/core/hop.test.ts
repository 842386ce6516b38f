import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  formatHop,
  judgeHop,
  type Hop,
  type HopBond,
} from '../../../../../services/gateway/core/hop.ts';
import type { RegionId } from '../../../../../shared/core/region.ts';

const eu = 'eu-west' as RegionId;
const us = 'us-east' as RegionId;
const ap = 'ap-south' as RegionId;
const bond: HopBond = { to: ap, digest: 'd', sender: 's', number: 1 };
const hop: Hop = {
  ...{ visited: [eu], clientAddress: '192.0.2.1', scheme: 'https' },
  ...{ isTrusted: true, atMs: 1000, bond },
};
const request = { own: ap, digest: 'd', nowMs: 2000 };
const rules = { hopsMax: 2, take: (): boolean => true };
const bound = (changes: object): string => formatHop({ ...hop, bond: { ...bond, ...changes } });
const unbound = (atMs: number): string => formatHop({ ...hop, atMs, bond: null });

const rows: readonly { name: string; text: string; kind: string }[] = [
  { name: 'a good hop', text: formatHop(hop), kind: 'accepted' },
  { name: 'of the version before', text: unbound(1000), kind: 'accepted' },
  {
    name: 'of a clock an hour behind',
    text: formatHop({ ...hop, atMs: -3.6e6 }),
    kind: 'accepted',
  },
  { name: 'not JSON', text: '{', kind: 'malformed' },
  { name: 'null', text: 'null', kind: 'malformed' },
  { name: 'an unknown version', text: '{"v":2}', kind: 'malformed' },
  { name: 'nobody visited', text: formatHop({ ...hop, visited: [] }), kind: 'malformed' },
  { name: 'no region', text: formatHop({ ...hop, visited: ['!' as RegionId] }), kind: 'malformed' },
  { name: 'half a bond', text: bound({ to: undefined }), kind: 'malformed' },
  { name: 'no number', text: bound({ number: 0 }), kind: 'malformed' },
  { name: 'too old', text: formatHop({ ...hop, atMs: -4e6 }), kind: 'expired' },
  { name: 'from the far future', text: formatHop({ ...hop, atMs: 4e6 }), kind: 'expired' },
  { name: 'too old for one without a bond', text: unbound(-700_000), kind: 'expired' },
  { name: 'to another region', text: bound({ to: us }), kind: 'misplaced' },
  { name: 'of another request', text: bound({ digest: 'e' }), kind: 'misplaced' },
  { name: 'back where it was', text: formatHop({ ...hop, visited: [us, ap] }), kind: 'loop' },
  {
    name: 'too many hops',
    text: formatHop({ ...hop, visited: [eu, us, 'x-1' as RegionId] }),
    kind: 'too-many',
  },
];

for (const { name, text, kind } of rows) {
  test(name, () => assert.equal(judgeHop(text, request, rules).kind, kind));
}

test('a hop whose number was taken before came before; others are not counted', () => {
  const taken: unknown[] = [];
  const take = (number: unknown): boolean => taken.push(number) === 1;
  const judge = (text: string): string => judgeHop(text, request, { ...rules, take }).kind;
  assert.equal(judge(bound({ digest: 'e' })), 'misplaced');
  assert.deepEqual([judge(formatHop(hop)), judge(formatHop(hop))], ['accepted', 'replayed']);
  assert.equal(judge(unbound(1000)), 'accepted');
  assert.equal(taken.length, 2);
});

test('a hop that does not say that its caller was trusted says that it was not', () => {
  const text = formatHop(hop).replace('"isTrusted":true,', '');
  const verdict = judgeHop(text, request, rules);
  assert.equal(verdict.kind === 'accepted' && verdict.hop.isTrusted, false);
});

test('what was formatted is read back', () => {
  const verdict = judgeHop(formatHop(hop), request, rules);
  assert.deepEqual(verdict.kind === 'accepted' ? verdict.hop : null, hop);
});

test('what the version before reads of a hop is there', () => {
  const { visited, clientAddress, scheme, isTrusted, atMs } = hop;
  const known = { v: 1, visited, clientAddress, scheme, isTrusted, atMs };
  const text = JSON.parse(formatHop(hop)) as Record<string, unknown>;
  assert.deepEqual(Object.fromEntries(Object.keys(known).map((key) => [key, text[key]])), known);
});
