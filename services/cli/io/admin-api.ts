/**
 * The admin API of whichever regions answer. Reads ask all of them at once; a change is sent to
 * one live region, once.
 */
import type { z } from 'zod';
import { isMeridianError, MeridianError } from '../../../shared/errors/meridian-error.ts';
import {
  createBearerClient,
  type BearerCall,
  type BearerClient,
  type BearerReply,
} from '../../../shared/http/bearer-client.ts';
import type {
  ExternalPart,
  ListedRegion,
  RegionsAnswer,
  SeenPart,
} from '../core/status-document.ts';
import { CliError } from '../core/cli-error.ts';
import { readinessSchema, regionsSchema } from './admin-schema.ts';

export interface AdminEndpoint {
  /** The region's id, or the URL itself when no cluster file names it. */
  readonly id: string;
  readonly adminUrl: string;
}

export interface AdminApiOptions {
  readonly endpoints: readonly AdminEndpoint[];
  /** Empty without a cluster file: then the regions are those that the answers name. */
  readonly listed: readonly ListedRegion[];
  /** Null: the certificate that this program shows says who asks. */
  readonly token: () => Promise<string | null>;
  readonly timeoutMs?: number;
}

const defaultTimeoutMs = 3000;

export class AdminApi {
  readonly #options: AdminApiOptions;
  readonly #clients: readonly { readonly id: string; readonly client: BearerClient }[];

  constructor(options: AdminApiOptions) {
    this.#options = options;
    this.#clients = options.endpoints.map(({ id, adminUrl }) => ({
      id,
      client: createBearerClient(adminUrl, options.token),
    }));
  }

  /** What every live region says of all regions; refusals are thrown, silence is not. */
  async regions(): Promise<{ listed: readonly ListedRegion[]; answers: readonly RegionsAnswer[] }> {
    const timeoutMs = this.#options.timeoutMs ?? defaultTimeoutMs;
    const call: BearerCall = { method: 'GET', path: '/admin/regions', timeoutMs };
    const settled = await Promise.all(
      this.#clients.map(async ({ id, client }) =>
        client
          .call(call)
          .then((reply) => parseAs(regionsSchema, reply, client.origin))
          .then((body) => ({ id, origin: client.origin, body }))
          .catch((error: unknown) => silentOrThrow(error)),
      ),
    );
    const heard = settled.filter((answer) => answer !== null);
    const answers = heard.map(({ id, origin, body }) => ({
      from: this.#options.listed.length > 0 ? id : (ownerOf(body.items, origin) ?? id),
      cluster: body.cluster,
      version: body.version,
      epoch: body.epoch,
      primary: body.primary,
      members: body.members,
      k: body.k,
      policyK: body.policyK,
      rules: body.rules,
      change: body.change,
      lastChange: body.lastChange,
      leaseRemainingMs: body.leaseRemainingMs,
      controlLog: body.controlLog,
      regions: body.items,
    }));
    const listed =
      this.#options.listed.length > 0
        ? this.#options.listed
        : (heard[0]?.body.items ?? []).map((item) => ({
            id: item.id,
            name: item.name,
            nodes: item.nodes.map((node) => node.id),
            gatewayUrl: item.gatewayUrl ?? '',
            adminUrl: item.adminUrl ?? '',
          }));
    return { listed, answers };
  }

  /** What region `id` says of the parts that Meridian did not start there. */
  async external(id: string, parts: readonly ExternalPart[]): Promise<readonly SeenPart[]> {
    const client = this.#clients.find((one) => one.id === id)?.client;
    const call: BearerCall = { method: 'GET', path: '/health/ready', timeoutMs: defaultTimeoutMs };
    const checks = await client
      ?.call(call)
      .then((reply) => parseAs(readinessSchema, reply, client.origin).checks)
      .catch(() => []);
    return parts.map((part) => {
      const check = checks?.find(({ name }) => name === part.name);
      return { ...part, ok: check?.ok ?? null, detail: check?.detail ?? `${id} is not ready` };
    });
  }

  /** Asks the regions in turn until one answers. */
  async get<S extends z.ZodType>(path: string, schema: S): Promise<z.output<S>> {
    const client = await this.#live();
    const timeoutMs = this.#options.timeoutMs ?? defaultTimeoutMs;
    const reply = await client.call({ method: 'GET', path, timeoutMs });
    return parseAs(schema, reply, client.origin);
  }

  /** Sends a change to one live region, once. */
  async post<S extends z.ZodType>(
    call: { readonly path: string; readonly body: unknown; readonly idempotencyKey: string },
    schema: S,
  ): Promise<z.output<S>> {
    const client = await this.#live();
    const reply = await client.call({
      method: 'POST',
      path: call.path,
      body: call.body,
      headers: { 'idempotency-key': call.idempotencyKey },
      timeoutMs: 10_000,
    });
    return parseAs(schema, reply, client.origin);
  }

  async close(): Promise<void> {
    await Promise.all(this.#clients.map(async ({ client }) => client.close()));
  }

  async #live(): Promise<BearerClient> {
    const alive = this.#clients.map(async ({ client }) => {
      await client.call({ method: 'GET', path: '/health', timeoutMs: 2000 });
      return client;
    });
    return Promise.any(alive).catch(() => {
      throw nothingRuns(this.#options.endpoints);
    });
  }
}

/** The end of a verb that found no region. */
export function nothingRuns(endpoints: readonly AdminEndpoint[]): CliError {
  const urls = endpoints.map(({ adminUrl }) => adminUrl).join(', ');
  return new CliError(`No region answers (asked ${urls}).`, {
    hint: 'Start the cluster with: npm start',
  });
}

function ownerOf(items: readonly { id: string; adminUrl?: string | undefined }[], origin: string) {
  const wanted = new URL(origin).host;
  return items.find(({ adminUrl }) => adminUrl !== undefined && new URL(adminUrl).host === wanted)
    ?.id;
}

function silentOrThrow(error: unknown): null {
  if (isMeridianError(error, 'UpstreamUnavailable')) return null;
  if (isMeridianError(error) && error.httpStatus >= 500) return null;
  throw error;
}

function parseAs<S extends z.ZodType>(schema: S, reply: BearerReply, origin: string): z.output<S> {
  const result = schema.safeParse(reply.body);
  if (result.success) return result.data;
  const problems = result.error.issues.map((issue) => `${issue.path.join('.')}: ${issue.message}`);
  const message = `${origin} answered in a form this CLI does not know: ${problems.join('; ')}`;
  throw new MeridianError('ProtocolViolation', message, { problems });
}
