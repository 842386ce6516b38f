/** The control interface of the WAN proxies: HTTP on loopback, a token, and its client. */
import { timingSafeEqual } from 'node:crypto';
import { z } from 'zod';
import { MeridianError } from '../../../shared/errors/meridian-error.ts';
import { createBearerClient } from '../../../shared/http/bearer-client.ts';
import { createServer } from '../../../shared/http/server.ts';
import type { Logger } from '../../../shared/logging/logger.ts';
import type { DirectionChange, DirectionReport } from './wan-direction.ts';
import type { WanProxy } from './wan-proxy.ts';
import type { WanSettings } from './wan-settings.ts';

const changeSchema = z.discriminatedUnion('action', [
  z.strictObject({ action: z.literal('set'), latencyMs: z.number().min(0).max(60_000) }),
  z.strictObject({ action: z.literal('cut') }),
  z.strictObject({ action: z.literal('freeze') }),
  z.strictObject({
    action: z.literal('slow'),
    addedMs: z.number().min(0).max(60_000).optional(),
    bytesPerSecond: z.number().min(1).optional(),
  }),
  z.strictObject({
    action: z.literal('lose'),
    percent: z.number().min(0).max(90),
    seed: z.int().min(0),
  }),
  z.strictObject({ action: z.literal('slice'), pieceBytes: z.int().min(1) }),
  z.strictObject({ action: z.literal('heal') }),
]);

const reportSchema = z.object({
  from: z.string(),
  to: z.string(),
  state: z.enum(['open', 'cut', 'frozen']),
  latencyMs: z.number(),
  addedMs: z.number(),
  bytesPerSecond: z.number().nullable(),
  bytes: z.number(),
});

/**
 * Serves `GET /wan` → `{directions}` and `POST /wan/<from>/<to>` with a DirectionChange → the
 * direction's report. Returns how to stop.
 */
export async function serveWanControl(
  proxy: WanProxy,
  control: WanSettings['control'],
  logger: Logger,
): Promise<() => Promise<void>> {
  const server = createServer({ logger, bodyBytesMax: 4096, requestTimeoutMs: 5000 });
  const expected = Buffer.from(`Bearer ${control.token}`);
  server.addHook('onRequest', (request, _reply, done) => {
    const given = Buffer.from(request.headers.authorization ?? '');
    const isRight = given.length === expected.length && timingSafeEqual(given, expected);
    done(isRight ? undefined : new MeridianError('Unauthenticated', 'The WAN token is wrong.'));
  });
  server.get('/wan', async () => ({ directions: proxy.directions() }));
  server.post('/wan/:from/:to', async (request) => {
    const { from, to } = z.object({ from: z.string(), to: z.string() }).parse(request.params);
    const change = changeSchema.safeParse(request.body);
    if (!change.success) throw new MeridianError('RequestInvalid', z.prettifyError(change.error));
    logger.info({ from, to, ...change.data }, 'direction changed');
    return proxy.change(from, to, withoutUndefined(change.data));
  });
  await server.listen({ host: control.host, port: control.port });
  return () => server.close();
}

/** The parsed change; absent options stay absent. */
function withoutUndefined(change: z.infer<typeof changeSchema>): DirectionChange {
  return Object.fromEntries(
    Object.entries(change).filter(([, value]) => value !== undefined),
  ) as DirectionChange;
}

export interface WanClient {
  show(): Promise<DirectionReport[]>;
  /** Changes one direction. Throws RequestInvalid; UpstreamUnavailable when no proxy runs. */
  change(from: string, to: string, change: DirectionChange): Promise<DirectionReport>;
  close(): Promise<void>;
}

const timeoutMs = 3000;

/** A client of the proxies that `settings` describe. */
export function createWanClient(settings: Pick<WanSettings, 'control'>): WanClient {
  const { host, port, token } = settings.control;
  const origin = `http://${host}:${String(port)}`;
  const client = createBearerClient(origin, () => Promise.resolve(token));
  return {
    async show() {
      const reply = await client.call({ method: 'GET', path: '/wan', timeoutMs });
      return z.object({ directions: z.array(reportSchema) }).parse(reply.body).directions;
    },
    async change(from, to, body) {
      const path = `/wan/${encodeURIComponent(from)}/${encodeURIComponent(to)}`;
      const reply = await client.call({ method: 'POST', path, body, timeoutMs });
      return reportSchema.parse(reply.body);
    },
    close: () => client.close(),
  };
}
