/**
 * Each form of DDL is issued as an application does; after each one the catalogs and the rows of
 * the other server are equal. What lies between is the replicator's reader and applier.
 */
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { objectForms } from '../../fixtures/replication/ddl-object-forms.ts';
import { partitionForms, tableForms, type DdlForm } from '../../fixtures/replication/ddl-forms.ts';
import { assertEqualRegions } from '../../helpers/replication/equal-regions.ts';
import { startPair, type ReplicatedPair } from '../../helpers/replication/pair.ts';

let pair: ReplicatedPair;

before(async () => {
  pair = await startPair();
});

after(() => pair.stop());

const forms: readonly DdlForm[] = [...tableForms, ...partitionForms, ...objectForms];

for (const [name, ...statements] of forms) {
  test(name, async () => {
    for (const statement of statements) {
      const [, ownerText] = /^owner:(.*)$/s.exec(statement) ?? [];
      if (ownerText === undefined) await pair.app.query(statement);
      else await pair.source.query(ownerText);
    }
    await pair.caughtUp();
    await assertEqualRegions(pair.source, pair.target);
  });
}

test('the forms are at least 50, each of its own name', () => {
  const count = forms.reduce((sum, [, ...statements]) => sum + statements.length, 0);
  assert.ok(new Set(forms.map(([name]) => name)).size >= 50, `${forms.length} forms`);
  assert.ok(count >= 150, `${count} statements`);
});
