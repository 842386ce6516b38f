/** Region decisions over generated worlds: residency holds whatever fails, drains or is asked. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import {
  allowedRegions,
  decideRegion,
  type ClientPlace,
  type RegionFacts,
  type RegionQuestion,
  type RoutingPolicy,
} from '../../../../services/gateway/core/route-decision.ts';
import type { RegionId } from '../../../../shared/core/region.ts';

const seed = Number(process.env['SEED'] ?? Math.floor(Math.random() * 2 ** 31));
console.log(`seed ${String(seed)}`);
const settings = { seed, numRuns: 500 };

const ids = ['r-1', 'r-2', 'r-3', 'r-4', 'r-5'] as RegionId[];
const countries = ['DE', 'US', 'IN'];
const unit = fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true });
const place = fc.record({
  latitude: fc.double({ min: -90, max: 90, noNaN: true }),
  longitude: fc.double({ min: -180, max: 180, noNaN: true }),
});
const world = fc.integer({ min: 1, max: 5 }).chain((count) =>
  fc.tuple(
    ...ids.slice(0, count).map((id) =>
      fc.record<RegionFacts>({
        id: fc.constant(id),
        location: place,
        isHealthy: fc.boolean(),
        isDraining: fc.boolean(),
        load: fc.option(fc.double({ min: 0, max: 3, noNaN: true }), { nil: null }),
        latencyMs: fc.option(fc.double({ min: 0, max: 1000, noNaN: true }), { nil: null }),
      }),
    ),
  ),
);
const client: fc.Arbitrary<ClientPlace> = fc.oneof(
  fc.record({
    kind: fc.constant('located' as const),
    country: fc.option(fc.constantFrom(...countries), { nil: null }),
    place,
  }),
  fc.record({ kind: fc.constant('country' as const), country: fc.constantFrom(...countries) }),
  fc.constant({ kind: 'private' as const }),
  fc.constant({ kind: 'unknown' as const }),
);
const policy: fc.Arbitrary<RoutingPolicy> = fc.record({
  ownPreferenceMs: fc.double({ min: 0, max: 50, noNaN: true }),
  panicBelow: unit,
  spillAbove: unit,
  residency: fc.array(
    fc.record({
      countries: fc.subarray([...countries, '*']),
      tenants: fc.subarray(['acme', 'zeta']),
      regions: fc.subarray(ids, { minLength: 1 }),
    }),
    { maxLength: 3 },
  ),
});
const someRegion = fc.option(fc.constantFrom(...ids), { nil: null });
const question: fc.Arbitrary<RegionQuestion> = fc.record({
  own: fc.constant(ids[0] as RegionId),
  client,
  tenant: fc.option(fc.constantFrom('acme', 'zeta', 'other'), { nil: null }),
  sticky: someRegion,
  override: someRegion,
  visited: fc.subarray(ids.slice(1), { maxLength: 2 }),
  draw: unit,
});

/** Whether every rule that speaks of this client names `region`; as naive as it reads. */
function mayServe(
  region: RegionId,
  rules: RoutingPolicy['residency'],
  asked: RegionQuestion,
): boolean {
  const country = 'country' in asked.client ? asked.client.country : null;
  for (const rule of rules) {
    const isMeant =
      rule.countries.includes('*') ||
      (country !== null && rule.countries.includes(country)) ||
      (asked.tenant !== null && rule.tenants.includes(asked.tenant));
    if (isMeant && !rule.regions.includes(region)) return false;
  }
  return true;
}

test('no decision names a region that residency does not allow', () => {
  fc.assert(
    fc.property(world, policy, question, (regions, rules, asked) => {
      const decision = decideRegion(regions, rules, asked);
      const order = decision.kind === 'serve' ? decision.order : [];
      for (const region of order) assert.ok(mayServe(region, rules.residency, asked));
      for (const { region } of decision.ranking) {
        assert.ok(mayServe(region, rules.residency, asked));
      }
      const isNone = regions.every(({ id }) => !mayServe(id, rules.residency, asked));
      assert.equal(decision.kind === 'refuse' && decision.code === 'ResidencyRefused', isNone);
    }),
    settings,
  );
});

test('draining and visited regions take nothing; each region is named once', () => {
  fc.assert(
    fc.property(world, policy, question, (regions, rules, asked) => {
      const decision = decideRegion(regions, rules, asked);
      if (decision.kind === 'refuse') return;
      assert.equal(new Set(decision.order).size, decision.order.length);
      for (const region of decision.order) {
        assert.equal(regions.find(({ id }) => id === region)?.isDraining, false);
        assert.ok(region === asked.own || !asked.visited.includes(region));
      }
    }),
    settings,
  );
});

test('while an allowed healthy region takes traffic, the request is not refused', () => {
  fc.assert(
    fc.property(world, policy, question, (regions, rules, asked) => {
      const hasOne = regions.some(
        ({ id, isHealthy, isDraining }) =>
          isHealthy &&
          !isDraining &&
          mayServe(id, rules.residency, asked) &&
          (id === asked.own || !asked.visited.includes(id)),
      );
      const decision = decideRegion(regions, rules, asked);
      if (hasOne) assert.equal(decision.kind, 'serve');
    }),
    settings,
  );
});

test('unhealthy regions serve in a panic alone, and then the load is spread', () => {
  fc.assert(
    fc.property(world, policy, question, (regions, rules, asked) => {
      const allowed = regions.filter(({ id }) => mayServe(id, rules.residency, asked));
      const share = allowed.filter(({ isHealthy }) => isHealthy).length / allowed.length;
      const decision = decideRegion(regions, rules, asked);
      if (decision.kind === 'refuse' || share < rules.panicBelow) return;
      assert.notEqual(decision.why, 'panic');
      for (const region of decision.order) {
        assert.equal(regions.find(({ id }) => id === region)?.isHealthy, true);
      }
    }),
    settings,
  );
});

test('rules that speak of nobody allow every region', () => {
  assert.equal(allowedRegions([], { country: 'DE', tenant: null }), null);
});
