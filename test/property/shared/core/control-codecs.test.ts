import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import {
  decodeControlRecord,
  encodeControlRecord,
} from '../../../../shared/core/control/control-record-codec.ts';
import {
  decodeControlState,
  encodeControlState,
} from '../../../../shared/core/control/control-state-codec.ts';
import { controlRecord, plausibleHistory } from '../../../helpers/core-arbitraries.ts';
import { foldAll } from '../../../helpers/control-records.ts';

test('every control record survives encoding and decoding', () => {
  fc.assert(
    fc.property(controlRecord, (record) => {
      assert.deepEqual(decodeControlRecord(encodeControlRecord(record)), {
        kind: 'record',
        record,
      });
    }),
  );
});

test('every folded state survives encoding and decoding', () => {
  fc.assert(
    fc.property(plausibleHistory, (records) => {
      const { state } = foldAll(records);
      assert.deepEqual(decodeControlState(encodeControlState(state)), { kind: 'state', state });
    }),
  );
});

test('any text is decoded or refused, never an exception', () => {
  const text = fc.oneof(
    fc.string(),
    fc.json(),
    fc.json().map((json) => `{"v":1,"x":${json}}`),
  );
  fc.assert(
    fc.property(text, (given) => {
      decodeControlRecord(given);
      decodeControlState(given);
    }),
  );
});

test('a record with one character changed is refused or reads as another record', () => {
  fc.assert(
    fc.property(controlRecord, fc.nat(), fc.string({ minLength: 1 }), (record, place, change) => {
      const text = encodeControlRecord(record);
      const at = place % text.length;
      const changed = text.slice(0, at) + change + text.slice(at + 1);
      const decoded = decodeControlRecord(changed);
      if (decoded.kind !== 'record') return;
      const again = decodeControlRecord(encodeControlRecord(decoded.record));
      assert.deepEqual(again, decoded);
    }),
  );
});
