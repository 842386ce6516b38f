import assert from 'node:assert/strict';
import { test } from 'node:test';
import { publicationEnd } from '../../../../../../services/failover/core/opening/publication.ts';

test('18 publishes generated columns that are stored', () => {
  assert.equal(publicationEnd(180_000), ' WITH (publish_generated_columns = stored)');
});

test('17 is asked for nothing that it does not know', () => {
  assert.equal(publicationEnd(170_010), '');
});
