/** The shape of a service as `services/main.ts` composes it. */
import type { FastifyPluginAsync, FastifyPluginCallback } from 'fastify';
import type { Readiness } from './health-routes.ts';
import type { ServerFactory } from './server.ts';

export type Plugin = FastifyPluginAsync | FastifyPluginCallback;

export interface Service {
  /** Routes for each listener of the process. */
  readonly plugins: { readonly public?: Plugin; readonly admin?: Plugin; readonly peer?: Plugin };
  /** Makes the server under the public listener, where a service brings its own. */
  readonly createPublicServer?: ServerFactory;
  /** Begins the work; never waits for other regions or for PostgreSQL. */
  start(): Promise<void>;
  /** Asks clients to go elsewhere, and waits until they can know; everything is still served. */
  announceEnd?(): Promise<void>;
  /** Takes nothing new and finishes what runs, within a bound. */
  drain(): Promise<void>;
  stop(): Promise<void>;
  readiness(): Promise<Readiness>;
}
