import assert from 'node:assert/strict';
import { test } from 'node:test';
import { groupSchema } from '../../../../../services/gateway/group-config.ts';
import { CircuitBreaker } from '../../../../../services/gateway/io/circuit-breaker.ts';

const { breaker: defaults } = groupSchema.parse({});

/** Ends calls of a closed breaker in turn; whether one of them opened it. */
function calls(breaker: CircuitBreaker, outcomes: string, nowMs = 0): boolean {
  const ends = [...outcomes].map((one) => breaker.end(one === '+', breaker.begin(nowMs), nowMs));
  return ends.includes(true);
}

test('the defaults are those that are promised', () => {
  assert.deepEqual(defaults, {
    failures: 5,
    failureRate: 0.5,
    window: 100,
    callsMin: 20,
    openMs: 30_000,
    probes: 3,
    successes: 2,
  });
});

test('five failures in a row open it, four and a success do not', () => {
  const breaker = new CircuitBreaker(defaults);
  assert.equal(calls(breaker, '----+----'), false);
  assert.equal(breaker.allows(0), true);
  assert.equal(calls(breaker, '-'), true);
  assert.equal(breaker.allows(29_999), false);
  assert.equal(breaker.figures(10_000).openForMs, 20_000);
});

test('half of the last hundred calls open it, once there were twenty', () => {
  const breaker = new CircuitBreaker(defaults);
  assert.equal(calls(breaker, '-+'.repeat(9)), false, 'too few calls');
  assert.equal(calls(breaker, '-+-+--'), true);
});

test('old calls leave the window', () => {
  const breaker = new CircuitBreaker(defaults);
  calls(breaker, '+'.repeat(100));
  calls(breaker, '---+'.repeat(11));
  assert.equal(breaker.figures(0).state, 'closed', '33 of the last 100');
  assert.equal(calls(breaker, '---+'.repeat(6) + '-'), true, '52 of the last 100');
});

test('half-open lets three probes through; two successes close it', () => {
  const breaker = new CircuitBreaker(defaults);
  calls(breaker, '-----');
  const tickets = [1, 2, 3].map(() => breaker.begin(30_000));
  assert.equal(breaker.allows(30_000), false, 'no fourth probe');
  assert.equal(breaker.end(true, tickets[0] ?? 0, 30_001), false);
  assert.equal(breaker.figures(30_001).state, 'half-open');
  breaker.end(true, tickets[1] ?? 0, 30_002);
  assert.equal(breaker.figures(30_002).state, 'closed');
  assert.equal(breaker.end(false, tickets[2] ?? 0, 30_003), false, 'a late probe is one failure');
});

test('a failed probe opens it again for as long', () => {
  const breaker = new CircuitBreaker(defaults);
  calls(breaker, '-----');
  const ticket = breaker.begin(30_000);
  assert.equal(breaker.end(false, ticket, 30_010), true);
  assert.equal(breaker.allows(60_009), false);
  assert.equal(breaker.allows(60_010), true);
  assert.equal(breaker.figures(60_000).opened, 2);
});

test('a probe that says nothing gives its place back; late ones say nothing', () => {
  const breaker = new CircuitBreaker({ ...defaults, probes: 1 });
  calls(breaker, '-----');
  const gone = breaker.begin(30_000);
  assert.equal(breaker.allows(30_000), false);
  breaker.end(null, gone, 30_001);
  assert.equal(breaker.allows(30_001), true);
  const late = breaker.begin(30_001);
  breaker.end(false, breaker.begin(30_001), 30_002);
  breaker.begin(60_002);
  breaker.end(true, late, 60_003);
  assert.equal(breaker.figures(60_003).state, 'half-open');
});

test('a good check invites probes before the time is over; an operator closes it', () => {
  const breaker = new CircuitBreaker(defaults);
  calls(breaker, '-----');
  breaker.invite();
  assert.equal(breaker.allows(1), true);
  assert.equal(breaker.figures(1).state, 'half-open');
  breaker.reset();
  assert.equal(breaker.figures(1).state, 'closed');
});
