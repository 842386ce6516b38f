/**
 * The way of most requests into the gateway: those that no other route of the listener can take
 * are handed over without being routed first.
 */
import { randomUUID } from 'node:crypto';
import { METHODS, type RequestListener } from 'node:http';
import { ownPathsOf } from '../core/edge/own-paths.ts';
import type { ExchangeHandler } from './proxy-routes.ts';

const methods = new Set(METHODS);

/** `patterns` are those of all routes behind `routes`; more may be added later. */
export function directEntry(
  routes: RequestListener,
  patterns: ReadonlySet<string>,
  handle: ExchangeHandler,
): RequestListener {
  let own = ownPathsOf(patterns);
  let known = patterns.size;
  return (request, reply) => {
    if (patterns.size !== known) {
      own = ownPathsOf(patterns);
      known = patterns.size;
    }
    if (own.mayTake(request.url ?? '') || !methods.has(request.method ?? '')) {
      routes(request, reply);
      return;
    }
    handle(request, reply, randomUUID());
  };
}
