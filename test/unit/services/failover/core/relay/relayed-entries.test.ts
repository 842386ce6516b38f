import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import {
  decodeRelayedEntries,
  encodeRelayedEntries,
} from '../../../../../../services/failover/core/relay/relayed-entries.ts';
import type { LogOffset } from '../../../../../../shared/core/log-offset.ts';
import type { ControlEntry } from '../../../../../../shared/ports/control-log.ts';

const entry = (offset: bigint): ControlEntry => ({
  offset: offset as LogOffset,
  record: { kind: 'pause', durationMs: 5, operation: null },
});
const stored = (record: string, offset = '3'): string =>
  JSON.stringify({ entries: [{ offset, record }] });

describe('entries on their way to another region', () => {
  it('arrive as they were, beyond 2^53 too', () => {
    const entries = [entry(7n), entry(9n), entry(9_007_199_254_740_993n)];
    const decoded = decodeRelayedEntries(encodeRelayedEntries(entries));
    assert.deepEqual(decoded, { kind: 'entries', entries });
  });

  it('may be none', () => {
    const decoded = decodeRelayedEntries(encodeRelayedEntries([]));
    assert.deepEqual(decoded, { kind: 'entries', entries: [] });
  });

  it('are refused out of order or twice', () => {
    for (const entries of [
      [entry(9n), entry(7n)],
      [entry(7n), entry(7n)],
    ]) {
      assert.equal(decodeRelayedEntries(encodeRelayedEntries(entries)).kind, 'malformed');
    }
  });

  it('of a newer program stop the reader', () => {
    assert.equal(decodeRelayedEntries(stored('{"v":99,"kind":"pause"}')).kind, 'unreadable');
    assert.equal(decodeRelayedEntries(stored('{"v":1,"kind":"novelty"}')).kind, 'unreadable');
  });

  for (const [name, text] of [
    ['no JSON', 'oops'],
    ['no list', '{"entries":1}'],
    ['a record that is none', stored('{}')],
    ['an offset that is none', stored('{"v":1,"kind":"pause"}', '-1')],
  ] as const) {
    it(`malformed: ${name}`, () => {
      assert.equal(decodeRelayedEntries(text).kind, 'malformed');
    });
  }
});
