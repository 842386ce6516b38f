/**
 * Clients of every gateway while parts of a region are lost: requests of the shop, with session and
 * sticky cookies, from near every region; eventual and session reads; and writes, each with an
 * Idempotency-Key. Open loop, failures counted at the socket, nothing is sent twice: but for writes
 * without a confirmation, which are repeated in the end, when their outcomes have been noted.
 */
import { randomUUID } from 'node:crypto';
import http from 'node:http';
import https from 'node:https';
import type { TestCluster } from '../cluster.ts';
import { eventually } from '../eventually.ts';
import { startOpenLoop, type Load, type LoadResult } from '../open-loop.ts';
import { clientAddresses } from './shop.ts';

export const readKinds = ['eventual reads', 'session reads'] as const;
export type Kind = 'proxied' | (typeof readKinds)[number];

export interface KindResult {
  readonly kind: Kind;
  /** The region whose gateway was asked. */
  readonly at: string;
  readonly result: LoadResult;
}

export interface WriteResult {
  readonly at: string;
  readonly atMs: number;
  readonly tookMs: number;
  readonly id: string;
  /** `confirmed`, the code of an error, or what the socket said. */
  readonly outcome: string;
}

export interface Rates {
  /** Of the shop, for each pair of a gateway and a place. */
  readonly proxied: number;
  /** Of each kind of read, at each gateway. */
  readonly reads: number;
  /** At each gateway. */
  readonly writes: number;
}

export interface Clients {
  readonly startedMs: number;
  finish(): Promise<{
    readonly kinds: readonly KindResult[];
    readonly writes: readonly WriteResult[];
  }>;
}

interface Reply {
  readonly status: number;
  readonly headers: http.IncomingHttpHeaders;
  readonly text: string;
}

/** The tables that they read and write. */
export async function makeTables(cluster: TestCluster): Promise<void> {
  const [first = ''] = cluster.regionIds;
  for (const sql of [
    'CREATE TABLE item (id int PRIMARY KEY, name text)',
    "INSERT INTO item SELECT n, 'item ' || n FROM generate_series(1, 100) AS n",
    'CREATE TABLE bought (n bigserial PRIMARY KEY, id text)',
  ]) {
    const { status, body } = await cluster.query(first, sql);
    if (status !== 200) throw new Error(`${sql}: ${JSON.stringify(body)}`);
  }
  for (const region of cluster.regionIds) {
    const count = 'SELECT count(*)::int AS n FROM item';
    await eventually(async () => {
      const { body } = await cluster.query(region, count, { consistency: 'eventual' });
      return body.rows?.[0]?.['n'] === 100;
    });
  }
}

export async function startClients(cluster: TestCluster, rates: Rates): Promise<Clients> {
  const agent = cluster.listeners.nodeAgent({ keepAlive: true, maxSockets: 512 });
  const authorization = `Bearer ${await cluster.token('data:write')}`;
  const regions = cluster.regionIds as readonly string[];
  const startedMs = performance.now();
  const loads: { readonly kind: Kind; readonly at: string; readonly load: Load }[] = [];
  const writes: WriteResult[] = [];
  const writeLoads: Load[] = [];
  for (const at of regions) {
    const origin = cluster.origin(at);
    for (const near of regions) {
      const one = shopper(agent, origin, clientAddresses[near] ?? '');
      loads.push({ kind: 'proxied', at, load: startOpenLoop(rates.proxied, one) });
    }
    for (const kind of readKinds) {
      const one = reader(agent, origin, { authorization, kind });
      loads.push({ kind, at, load: startOpenLoop(rates.reads, one) });
    }
    const write = async (dueMs: number): Promise<null> => {
      const id = randomUUID();
      const outcome = await buy(agent, origin, { authorization, id });
      const now = performance.now();
      writes.push({ ...{ at, id, outcome }, atMs: dueMs - startedMs, tookMs: now - dueMs });
      return null;
    };
    writeLoads.push(startOpenLoop(rates.writes, write));
  }
  return {
    startedMs,
    async finish() {
      const kinds = await Promise.all(
        loads.map(async ({ kind, at, load }) => ({ kind, at, result: await load.finish() })),
      );
      await Promise.all(writeLoads.map((load) => load.finish()));
      agent.destroy();
      return { kinds, writes };
    },
  };
}

/** One client with its cookies. */
function shopper(agent: http.Agent, origin: string, address: string) {
  let cookie = '';
  return async (): Promise<string | null> => {
    const headers = { 'x-forwarded-for': address, ...(cookie === '' ? {} : { cookie }) };
    const reply = await ask(agent, `${origin}/shop`, { headers });
    if (typeof reply === 'string') return reply;
    const set = reply.headers['set-cookie'] ?? [];
    if (cookie === '') cookie = set.map((one) => one.split(';')[0] ?? '').join('; ');
    return reply.status === 200 ? null : `status ${String(reply.status)} ${codeOf(reply.text)}`;
  };
}

/** One that reads, in session mode with the newest position that it has seen. */
function reader(
  agent: http.Agent,
  origin: string,
  { authorization, kind }: { authorization: string; kind: (typeof readKinds)[number] },
) {
  let position = '';
  const consistency = kind === 'eventual reads' ? 'eventual' : 'session';
  const sql = 'SELECT count(*)::int AS n FROM item';
  return async (): Promise<string | null> => {
    const told = consistency === 'session' && position !== '' ? { position } : {};
    const headers = {
      authorization,
      'content-type': 'application/json',
      ...(told.position === undefined ? {} : { 'meridian-position': told.position }),
    };
    const body = JSON.stringify({ sql, consistency });
    const reply = await ask(agent, `${origin}/v1/query`, { headers, body });
    if (typeof reply === 'string') return reply;
    if (reply.status !== 200) return `status ${String(reply.status)} ${codeOf(reply.text)}`;
    position = String(reply.headers['meridian-position'] ?? position);
    return reply.text.includes('"n":100') ? null : `wrong: ${reply.text.slice(0, 100)}`;
  };
}

async function buy(
  agent: http.Agent,
  origin: string,
  { authorization, id }: { authorization: string; id: string },
): Promise<string> {
  const headers = { authorization, 'content-type': 'application/json', 'idempotency-key': id };
  const body = JSON.stringify({ sql: 'INSERT INTO bought (id) VALUES ($1)', params: [id] });
  const reply = await ask(agent, `${origin}/v1/query`, { headers, body });
  if (typeof reply === 'string') return reply;
  return reply.status === 200 ? 'confirmed' : codeOf(reply.text);
}

const countsOf = `SELECT id, count(*)::int AS n FROM bought
  WHERE id = ANY (string_to_array($1, ' ')) GROUP BY id`;

/**
 * Repeats writes that nobody confirmed, with their keys, until each is; then what is wrong with the
 * table: none is lost, none is there twice.
 */
export async function settleWrites(
  cluster: TestCluster,
  writes: readonly WriteResult[],
): Promise<readonly string[]> {
  const open = new Set(writes.filter(({ outcome }) => outcome !== 'confirmed').map(({ id }) => id));
  const sql = 'INSERT INTO bought (id) VALUES ($1)';
  const [first = ''] = cluster.regionIds;
  const settled = async (): Promise<boolean> => {
    for (const id of open) {
      const options = { params: [id], headers: { 'idempotency-key': id } };
      const status = await cluster.query(first, sql, options).then(
        (reply) => reply.status,
        () => 0,
      );
      if (status !== 200) return false;
      open.delete(id);
    }
    return true;
  };
  await eventually(settled, { deadlineMs: 90_000, intervalMs: 500 });
  const wrong: string[] = [];
  const ids = writes.map(({ id }) => id);
  for (let from = 0; from < ids.length; from += 2000) {
    const some = ids.slice(from, from + 2000);
    const options = { params: [some.join(' ')], consistency: 'strong' };
    const { body } = await cluster.query(first, countsOf, options);
    const found = new Map((body.rows ?? []).map(({ id, n }) => [String(id), Number(n)]));
    for (const id of some) if (found.get(id) !== 1) wrong.push(`${id} ${String(found.get(id))}`);
  }
  return wrong;
}

function codeOf(text: string): string {
  return /"code":"(\w+)"/.exec(text)?.[1] ?? text.slice(0, 80);
}

/** The reply, or why there was none. */
function ask(
  agent: http.Agent,
  url: string,
  { headers, body }: { headers: Record<string, string>; body?: string },
): Promise<Reply | string> {
  return new Promise((resolve) => {
    const method = body === undefined ? 'GET' : 'POST';
    const options = { method, agent, headers, timeout: 30_000 };
    const { request: open } = url.startsWith('https') ? https : http;
    const request = open(url, options, (reply) => {
      const chunks: Buffer[] = [];
      reply.on('data', (chunk: Buffer) => chunks.push(chunk));
      reply.on('error', (error) => resolve(error.message));
      reply.on('end', () => {
        const text = Buffer.concat(chunks).toString();
        resolve({ status: reply.statusCode ?? 0, headers: reply.headers, text });
      });
    });
    request.on('timeout', () => request.destroy(new Error('timeout')));
    request.on('error', (error) => resolve(error.message));
    request.end(body);
  });
}
