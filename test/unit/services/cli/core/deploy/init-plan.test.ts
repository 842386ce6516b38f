import assert from 'node:assert/strict';
import { test } from 'node:test';
import { explainFiles, planInit } from '../../../../../../services/cli/core/deploy/init-plan.ts';

test('a host name is bound on every address, an address on itself', () => {
  const plan = planInit('eu-west=Host1.example, us-east=10.0.0.2,ap-south=host3');
  assert.ok(plan.kind === 'plan');
  assert.deepEqual(
    plan.regions.map(({ id, host, bind }) => [id, host, bind]),
    [
      ['eu-west', 'host1.example', '0.0.0.0'],
      ['us-east', 'us-east.meridian.internal', '10.0.0.2'],
      ['ap-south', 'host3', '0.0.0.0'],
    ],
  );
  assert.deepEqual(plan.warnings, []);
});

for (const [name, text, why] of [
  ['no host', 'eu-west', /eu-west is neither/],
  ['no region', '=host', /does not read/],
  ['two hosts', 'eu-west=a=b', /does not read/],
  ['a number that is no address', 'eu-west=10.0.0.300', /neither a host name nor/],
  ['a URL', 'eu-west=http://host', /neither a host name nor/],
  ['a region twice', 'eu-west=a,eu-west=b', /eu-west is named twice/],
  ['a host twice', 'eu-west=a,us-east=A', /a is named twice/],
  ['an address twice', 'eu-west=10.0.0.1,us-east=10.0.0.1', /10\.0\.0\.1 is named twice/],
] as const) {
  test(`refused: ${name}`, () => {
    const plan = planInit(text);
    assert.ok(plan.kind === 'refused');
    assert.match(plan.why, why);
  });
}

test('what a person should know: places on the map, and too few regions', () => {
  const plan = planInit('here=a,eu-west=b');
  assert.ok(plan.kind === 'plan');
  assert.match(plan.warnings.join(' '), /here is at 0, 0 .* Two regions/);
});

test('every file is explained with its host; the key of the authority stays away from them', () => {
  const regions = [{ id: 'eu-west', host: 'host1', bind: '0.0.0.0' }];
  const text = explainFiles({
    folder: 'x',
    regions,
    witness: null,
    isSecured: true,
    isContained: false,
  });
  assert.match(text, /eu-west\.secrets\.yaml +to host1 alone/);
  assert.match(text, /ca-key\.pem +.*keep it off the hosts/);
  assert.doesNotMatch(
    explainFiles({ folder: 'x', regions, witness: null, isSecured: false, isContained: false }),
    /ca-key/,
  );
});

test('a witness is the third of two regions, has its own host and a bundle of its own', () => {
  const plan = planInit('eu-west=a,us-east=b', 'third=c');
  assert.ok(plan.kind === 'plan');
  assert.deepEqual(plan.witness, { id: 'third', host: 'c', bind: '0.0.0.0' });
  assert.match(plan.warnings.join(' '), /one region may be lost, but .* semi-sync .* waits/);
  const text = explainFiles({ folder: 'x', ...plan, isSecured: true, isContained: false });
  assert.match(text, /third\.secrets\.yaml +to c alone/);
  assert.match(text, /2 of the first 3 hosts must be up/);
  for (const [regions, witness, why] of [
    ['eu-west=a,us-east=b', 'third=b', /b is named twice/],
    ['eu-west=a', 'third=c', /third vote of two regions/],
    ['eu-west=a,us-east=b,ap-south=c', 'third=d', /third vote of two regions/],
  ] as const) {
    const refused = planInit(regions, witness);
    assert.ok(refused.kind === 'refused');
    assert.match(refused.why, why);
  }
});
