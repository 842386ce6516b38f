import assert from 'node:assert/strict';
import { test } from 'node:test';
import { renderFacts } from '../../../../../services/cli/core/facts-view.ts';

test('one per line, times as durations, unknown ones left out', () => {
  const text = renderFacts({ to: 'us-east', writePauseMs: 412, lost: null, dryRun: true });
  assert.equal(
    text,
    '  to                 us-east\n  write pause        412ms\n  dry run            yes\n',
  );
});

test('inner facts come up under both names', () => {
  const text = renderFacts({ place: { kind: 'located', at: { latitude: 52.2 } } });
  assert.match(text, /^ {2}place kind +located$/m);
  assert.match(text, /^ {2}place at latitude +52\.2$/m);
});

test('lists are tables, empty ones are left out', () => {
  const text = renderFacts({
    path: '/',
    regions: [
      { id: 'eu-west', costMs: 1500, tags: ['a', 'b'] },
      { id: 'us-east', isHealthy: false, costMs: null },
    ],
    words: ['one'],
    none: [],
  });
  assert.match(text, /^ID {7}COST {2}TAGS {2}IS HEALTHY$/m);
  assert.match(text, /^eu-west {2}1\.5s {2}a, b {2}-$/m);
  assert.match(text, /^us-east {2}- {5}- {5}no$/m);
  assert.match(text, /^WORDS\none$/m);
  assert.doesNotMatch(text, /none/i);
});
