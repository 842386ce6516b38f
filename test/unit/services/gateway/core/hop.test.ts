import assert from 'node:assert/strict';
import { test } from 'node:test';
import { formatHop, judgeHop, type Hop } from '../../../../../services/gateway/core/hop.ts';
import type { RegionId } from '../../../../../shared/core/region.ts';

const eu = 'eu-west' as RegionId;
const us = 'us-east' as RegionId;
const ap = 'ap-south' as RegionId;
const hop: Hop = {
  ...{ visited: [eu], clientAddress: '192.0.2.1', scheme: 'https' },
  ...{ isTrusted: true, atMs: 1000 },
};
const limits = { hopsMax: 2, nowMs: 2000 };

const rows: readonly { name: string; text: string; kind: string }[] = [
  { name: 'a good hop', text: formatHop(hop), kind: 'accepted' },
  { name: 'not JSON', text: '{', kind: 'malformed' },
  { name: 'null', text: 'null', kind: 'malformed' },
  { name: 'an unknown version', text: '{"v":2}', kind: 'malformed' },
  { name: 'nobody visited', text: formatHop({ ...hop, visited: [] }), kind: 'malformed' },
  { name: 'no region', text: formatHop({ ...hop, visited: ['!' as RegionId] }), kind: 'malformed' },
  { name: 'too old', text: formatHop({ ...hop, atMs: -700_000 }), kind: 'expired' },
  { name: 'from the far future', text: formatHop({ ...hop, atMs: 700_000 }), kind: 'expired' },
  { name: 'back where it was', text: formatHop({ ...hop, visited: [us, ap] }), kind: 'loop' },
  {
    name: 'too many hops',
    text: formatHop({ ...hop, visited: [eu, us, 'x-1' as RegionId] }),
    kind: 'too-many',
  },
];

for (const { name, text, kind } of rows) {
  test(name, () => assert.equal(judgeHop(text, ap, limits).kind, kind));
}

test('a hop that does not say that its caller was trusted says that it was not', () => {
  const text = formatHop(hop).replace('"isTrusted":true,', '');
  const verdict = judgeHop(text, ap, limits);
  assert.equal(verdict.kind === 'accepted' && verdict.hop.isTrusted, false);
});

test('what was formatted is read back', () => {
  const verdict = judgeHop(formatHop(hop), ap, limits);
  assert.deepEqual(verdict.kind === 'accepted' ? verdict.hop : null, hop);
});
