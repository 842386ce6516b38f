import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  allowedRegions,
  decideRegion,
  spilledShare,
  stayAt,
  type RegionFacts,
  type RegionQuestion,
  type RoutingPolicy,
} from '../../../../../services/gateway/core/route-decision.ts';
import type { RegionId } from '../../../../../shared/core/region.ts';

const id = (text: string): RegionId => text as RegionId;
const eu = id('eu-west');
const us = id('us-east');
const ap = id('ap-south');
const dublin = { latitude: 53.35, longitude: -6.26 };
const healthy = { isHealthy: true, isDraining: false, load: null, latencyMs: null };
const regions: readonly RegionFacts[] = [
  { id: eu, location: dublin, ...healthy },
  { id: us, location: { latitude: 39.04, longitude: -77.49 }, ...healthy },
  { id: ap, location: { latitude: 19.08, longitude: 72.88 }, ...healthy },
];
const policy: RoutingPolicy = {
  ownPreferenceMs: 10,
  panicBelow: 0.25,
  spillAbove: 0.8,
  residency: [
    { countries: ['DE', 'FR'], tenants: [], regions: [eu] },
    { countries: [], tenants: ['acme'], regions: [ap] },
  ],
};
const chicago = { latitude: 41.88, longitude: -87.63 };
const berlin = { latitude: 52.52, longitude: 13.4 };
const american = { kind: 'located', country: 'US', place: chicago } as const;
const german = { kind: 'located', country: 'DE', place: berlin } as const;
const question: RegionQuestion = {
  own: eu,
  client: american,
  tenant: null,
  sticky: null,
  override: null,
  visited: [],
  draw: 0.5,
};

interface Row {
  readonly name: string;
  readonly facts?: Readonly<Record<string, Partial<RegionFacts>>>;
  readonly ask?: Partial<RegionQuestion>;
  readonly want: string;
  readonly why: string;
}

const rows: readonly Row[] = [
  { name: 'the nearest', want: 'us-east', why: 'nearest' },
  {
    name: 'not the nearest when it is unhealthy',
    facts: { [us]: { isHealthy: false } },
    want: 'eu-west',
    why: 'nearest',
  },
  {
    name: 'not the nearest when it drains',
    facts: { [us]: { isDraining: true } },
    want: 'eu-west',
    why: 'nearest',
  },
  {
    name: 'a path that is measured far slower than its distance loses',
    facts: { [us]: { latencyMs: 400 } },
    want: 'eu-west',
    why: 'nearest',
  },
  {
    name: 'no location: the own region',
    ask: { client: { kind: 'private' } },
    want: 'eu-west',
    why: 'no-location',
  },
  { name: 'sticky region', ask: { sticky: ap }, want: 'ap-south', why: 'sticky' },
  {
    name: 'sticky region that is gone',
    ask: { sticky: ap },
    facts: { [ap]: { isHealthy: false } },
    want: 'us-east',
    why: 'nearest',
  },
  {
    name: 'override before sticky',
    ask: { sticky: ap, override: eu },
    want: 'eu-west',
    why: 'override',
  },
  {
    name: 'residency beats override',
    ask: { client: german, override: us },
    want: 'eu-west',
    why: 'nearest',
  },
  { name: 'residency of a tenant', ask: { tenant: 'acme' }, want: 'ap-south', why: 'nearest' },
  {
    name: 'a tenant and a country that exclude each other',
    ask: { tenant: 'acme', client: german },
    want: 'ResidencyRefused',
    why: 'residency',
  },
  {
    name: 'residency is kept when its region is down',
    ask: { client: german },
    facts: { [eu]: { isHealthy: false }, [us]: {} },
    want: 'eu-west',
    why: 'panic',
  },
  {
    name: 'residency with a drained region: refused',
    ask: { client: german },
    facts: { [eu]: { isDraining: true } },
    want: 'UpstreamUnavailable',
    why: 'none-healthy',
  },
  {
    name: 'handed on by another gateway: served here',
    ask: { own: ap, visited: [eu] },
    want: 'ap-south',
    why: 'handed-on',
  },
  {
    name: 'handed on, own region drained: a region that has not seen it',
    ask: { own: ap, visited: [us] },
    facts: { [ap]: { isDraining: true } },
    want: 'eu-west',
    why: 'nearest',
  },
  {
    name: 'an overloaded region gives a share to the next',
    facts: { [us]: { load: 1.1 } },
    ask: { draw: 0.1 },
    want: 'eu-west',
    why: 'spill-over',
  },
  {
    name: 'and keeps the rest',
    facts: { [us]: { load: 1.1 } },
    ask: { draw: 0.9 },
    want: 'us-east',
    why: 'nearest',
  },
  {
    name: 'all unhealthy: spread',
    facts: { [eu]: { isHealthy: false }, [us]: { isHealthy: false }, [ap]: { isHealthy: false } },
    ask: { draw: 0.99 },
    want: 'ap-south',
    why: 'panic',
  },
];

for (const { name, facts = {}, ask = {}, want, why } of rows) {
  test(name, () => {
    const changed = regions.map((region) => ({ ...region, ...facts[region.id] }));
    const decision = decideRegion(changed, policy, { ...question, ...ask });
    assert.equal(decision.kind === 'serve' ? decision.order[0] : decision.code, want);
    assert.equal(decision.why, why);
  });
}

test('a country without any region is refused for good', () => {
  const rules = [{ countries: ['CN'], tenants: [], regions: [] }];
  const client = { kind: 'country', country: 'CN' } as const;
  const decision = decideRegion(regions, { ...policy, residency: rules }, { ...question, client });
  assert.equal(decision.kind === 'refuse' ? decision.code : '', 'ResidencyRefused');
});

test('several rules for a country must all be kept', () => {
  const rules = [
    { countries: ['DE'], tenants: [], regions: [eu, us] },
    { countries: ['*'], tenants: [], regions: [eu, ap] },
  ];
  assert.deepEqual(allowedRegions(rules, { country: 'DE', tenant: null }), [eu]);
  assert.deepEqual(allowedRegions(rules, { country: null, tenant: null }), [eu, ap]);
  assert.equal(allowedRegions([], { country: 'DE', tenant: 'acme' }), null);
});

test('a route that stays is served by the own region, or by none', () => {
  const all = decideRegion(regions, policy, question);
  const stays = stayAt(eu, all);
  assert.deepEqual(stays, { kind: 'serve', order: [eu], why: 'own-only', ranking: all.ranking });
  const drained = regions.map((region) => ({ ...region, isDraining: region.id === eu }));
  const nowhere = stayAt(eu, decideRegion(drained, policy, question));
  assert.equal(nowhere.kind === 'refuse' ? nowhere.code : '', 'UpstreamUnavailable');
  const pinned = decideRegion([], policy, question);
  assert.equal(stayAt(eu, pinned), pinned);
});

test('the spilled share grows from the threshold on and ends at 1', () => {
  assert.equal(spilledShare(0.8, 0.8), 0);
  assert.ok(Math.abs(spilledShare(1, 0.8) - 0.5) < 1e-9);
  assert.equal(spilledShare(5, 0.8), 1);
});
