/** A bound on requests per client address, for a listener that people and scripts use. */
import rateLimit from '@fastify/rate-limit';
import type { FastifyInstance } from 'fastify';

/** Requests of one address in a minute beyond `perMinute` are answered RateLimited. */
export async function limitRate(server: FastifyInstance, perMinute: number): Promise<void> {
  await server.register(rateLimit, { max: perMinute, timeWindow: 60_000 });
}
