import assert from 'node:assert/strict';
import { test } from 'node:test';
import { DdlSpotter } from '../../../../../services/replicator/core/ddl-spotter.ts';
import { insertMessage, relationMessage } from '../../../../helpers/replication/pgoutput.ts';

const ddl = relationMessage(9, { schema: 'meridian', name: 'ddl' }, [{ name: 'id' }]);
const other = relationMessage(8, { schema: 'meridian', name: 'ddl_notes' }, [{ name: 'id' }]);

test('a transaction that inserts into meridian.ddl is found, also by an earlier relation', () => {
  const spotter = new DdlSpotter();
  assert.equal(spotter.spot([other, insertMessage(8, ['1'])]), false);
  assert.equal(spotter.spot([ddl, insertMessage(9, ['1'])]), true);
  assert.equal(spotter.spot([insertMessage(8, ['1'])]), false);
  assert.equal(spotter.spot([insertMessage(9, ['1'])]), true);
});

test('a transaction that names a broken index is found', () => {
  const broken = relationMessage(7, { schema: 'meridian', name: 'broken_index' }, [{ name: 'n' }]);
  const spotter = new DdlSpotter();
  assert.equal(spotter.spot([broken, other, insertMessage(8, ['1'])]), false);
  assert.equal(spotter.spot([insertMessage(7, ['1'])]), true);
});
