import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ownPathsOf } from '../../../../../../services/gateway/core/edge/own-paths.ts';

const own = ownPathsOf(['/health', '/health/ready', '/v1/query', '/v1/transactions/:id', '/*']);

test('what begins like a route may be its', () => {
  for (const target of ['/health', '/health?x', '/health/', '/health/else', '/v1/query?a=/b']) {
    assert.equal(own.mayTake(target), true, target);
  }
});

test('the rest is the gateway’s', () => {
  for (const target of [
    '/',
    '/?health',
    '/healthy',
    '/shop/health',
    '//health',
    '/a?%2',
    '/V1/query',
  ]) {
    assert.equal(own.mayTake(target), false, target);
  }
});

test('the routes are asked about what has to be decoded, and targets that are no path', () => {
  for (const target of ['/%68ealth', '/a/%zz', '/a;b', '/a#b', '*', '', 'http://a/health']) {
    assert.equal(own.mayTake(target), true, target);
  }
});

test('a route without a fixed start may take anything', () => {
  assert.equal(ownPathsOf(['/:name', '/*']).mayTake('/a'), true);
  assert.equal(ownPathsOf(['*']).mayTake('/a'), true);
});
