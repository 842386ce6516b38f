import assert from 'node:assert/strict';
import { test } from 'node:test';
import { aheadDigest, planSchema } from '../../../../../services/local/postgres/schema-plan.ts';

const step = (version: number, usableFrom: number): never =>
  ({ version, usableFrom, text: `step ${version}` }) as never;
const first = { steps: [], digest: 'a' };
const third = { steps: [step(2, 1), step(3, 2)], digest: 'c' };
const made = { version: 3, usableFrom: 2, digest: 'c' };

test('an empty database gets all at once, without the steps', () => {
  assert.deepEqual(planSchema(null, third, false), { kind: 'make', steps: [], after: made });
});

test('tables from before versions were written down are of the first', () => {
  const plan = planSchema(null, third, true);
  assert.deepEqual(plan, { kind: 'make', steps: third.steps, after: made });
});

test('only the steps that are missing', () => {
  const plan = planSchema({ version: 2, usableFrom: 1, digest: 'b' }, third, true);
  assert.deepEqual(plan, { kind: 'make', steps: [step(3, 2)], after: made });
});

test('other functions of the same version are made anew', () => {
  const plan = planSchema({ version: 1, usableFrom: 1, digest: 'other' }, first, true);
  const after = { version: 1, usableFrom: 1, digest: 'a' };
  assert.deepEqual(plan, { kind: 'make', steps: [], after });
});

test('what is as it must be stays', () => {
  assert.deepEqual(planSchema(made, third, true), { kind: 'leave' });
});

test('a newer database is left alone by a program that it can live with', () => {
  const newer = { version: 4, usableFrom: 3, digest: 'd' };
  assert.deepEqual(planSchema(newer, third, true), { kind: 'leave' });
});

test('a newer database is refused by a program that it cannot live with', () => {
  const plan = planSchema({ version: 4, usableFrom: 4, digest: 'd' }, third, true);
  assert.ok(plan.kind === 'refuse');
  assert.match(plan.why, /of version 4, .*less than version 4 .* this one knows 3\./);
});

test('what was made ahead is finished', () => {
  const ahead = { ...made, digest: aheadDigest('c') };
  assert.deepEqual(planSchema(ahead, third, true), { kind: 'finish', after: made });
  assert.deepEqual(planSchema(ahead, { ...third, digest: ahead.digest }, true), { kind: 'leave' });
});

test('what another program made ahead is made anew, or refused when it was a newer one', () => {
  const other = { version: 2, usableFrom: 1, digest: aheadDigest('b') };
  assert.equal(planSchema(other, third, true).kind, 'make');
  const newer = { version: 4, usableFrom: 3, digest: aheadDigest('d') };
  const plan = planSchema(newer, third, true);
  assert.ok(plan.kind === 'refuse');
  assert.match(plan.why, /less than version 4 /);
});
