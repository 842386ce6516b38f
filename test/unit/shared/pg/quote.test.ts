import assert from 'node:assert/strict';
import { test } from 'node:test';
import { quoteIdent, quoteLiteral } from '../../../../shared/pg/quote.ts';

test('identifiers and literals survive their own quotes', () => {
  assert.equal(quoteIdent('we"ird'), '"we""ird"');
  assert.equal(quoteLiteral("it's"), "'it''s'");
  assert.equal(quoteLiteral('a\\b'), "E'a\\\\b'");
});
