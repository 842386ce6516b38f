/**
 * The mixed workload: requests leave at their time whether earlier ones were answered or not
 * (open loop), and a latency counts from the time a request was due.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { createLagMeter, type LagMeter } from '../core/lag-meter.ts';
import {
  arrivalAt,
  arrivalDueMs,
  arrivalsDue,
  type Arrival,
  type Schedule,
} from '../core/workload-plan.ts';
import { firstRow, type DataClient, type DataOutcome } from './data-client.ts';

export interface WorkloadOptions {
  readonly clients: readonly DataClient[];
  readonly schedule: Schedule;
  readonly seconds: number;
  readonly cities: number;
  /** Names this run's rows. */
  readonly run: string;
  readonly onProgress: (tally: Tally, elapsedMs: number) => void;
}

export const requestKinds = ['write', 'session', 'strong', 'eventual', 'pulse'] as const;
export type RequestKind = (typeof requestKinds)[number];

export interface Tally {
  requests: number;
  unknownOutcomes: number;
  missedOwnWrites: number;
  readonly failedByCode: Map<string, number>;
  /** By kind of request. */
  readonly latenciesMs: Readonly<Record<RequestKind, number[]>>;
  /** Monotonic times at which writes were confirmed, and how long each took. */
  readonly writesAtMs: number[];
  readonly writeLatenciesMs: number[];
  /** Ids of writes that were confirmed. */
  readonly confirmed: Set<number>;
  /** Token of the newest confirmed write that was answered. */
  lastToken: string | null;
}

type Request = Parameters<DataClient['send']>[0] & { readonly kind: RequestKind };

const tickMs = 4;
const pulseEveryMs = 100;
const insertVisit =
  'INSERT INTO demo.visit (run, id, city_id, region, note) VALUES ($1, $2, $3, $4, $5)';
const readCity = 'SELECT name, country FROM demo.city WHERE id = $1';
const readPulse = `SELECT c.name, c.country, (SELECT max(number) FROM demo.pulse) AS pulse
  FROM demo.city c WHERE c.id = $1`;

export class Workload {
  readonly tally: Tally = emptyTally();
  readonly #options: WorkloadOptions;
  readonly #lag: LagMeter;
  readonly #pending = new Set<Promise<void>>();

  constructor(options: WorkloadOptions) {
    this.#options = options;
    this.#lag = createLagMeter(options.clients.map((client) => client.region));
  }

  lagsMs(): readonly number[] {
    return this.#lag.lagsMs();
  }

  /** Sends for `seconds` and waits for the last replies. */
  async run(): Promise<void> {
    const { clients, schedule, seconds } = this.#options;
    const startedMs = performance.now();
    const sent = clients.map(() => 0);
    const pulse = this.#pulse(startedMs + seconds * 1000);
    for (;;) {
      const elapsedMs = Math.min(performance.now() - startedMs, seconds * 1000);
      const due = arrivalsDue(elapsedMs, schedule);
      for (let region = 0; region < clients.length; region += 1) {
        for (let number = sent[region] ?? 0; number < due; number += 1) {
          const dueMs = startedMs + arrivalDueMs(number + 1, schedule);
          this.#start(this.#arrive(region, number, dueMs));
        }
        sent[region] = due;
      }
      this.#options.onProgress(this.tally, elapsedMs);
      if (elapsedMs >= seconds * 1000) break;
      await sleep(tickMs);
    }
    await pulse;
    while (this.#pending.size > 0) await Promise.all(this.#pending);
  }

  #start(work: Promise<void>): void {
    const tracked = work.finally(() => this.#pending.delete(tracked));
    this.#pending.add(tracked);
  }

  async #arrive(region: number, number: number, dueMs: number): Promise<void> {
    const { clients, cities } = this.#options;
    const client = clients[region];
    if (client === undefined) return;
    const arrival = arrivalAt(region, number, { regions: clients.length, cities });
    switch (arrival.kind) {
      case 'write':
        await this.#write(client, arrival, { id: number * clients.length + region, dueMs });
        return;
      case 'strong':
        await this.#timed(client, readRequest(readCity, arrival.cityId, 'strong'), dueMs);
        return;
      case 'eventual': {
        const request = readRequest(readPulse, arrival.cityId, 'eventual');
        const outcome = await this.#timed(client, request, dueMs);
        if (outcome.kind === 'answered' && outcome.servedBy === client.region) {
          const seen = Number(firstRow(outcome.body)['pulse']);
          this.#lag.seen(client.region, seen, performance.now());
        }
      }
    }
  }

  async #write(
    client: DataClient,
    arrival: Extract<Arrival, { kind: 'write' }>,
    { id, dueMs }: { id: number; dueMs: number },
  ): Promise<void> {
    const { run, clients } = this.#options;
    const note = `visit ${String(id)} of city ${String(arrival.cityId)}`;
    const params = [run, id, arrival.cityId, client.region, note];
    const request: Request = {
      kind: 'write',
      path: '/v1/query',
      body: { sql: insertVisit, params },
    };
    const outcome = await this.#timed(client, request, dueMs);
    if (outcome.kind !== 'answered') return;
    const nowMs = performance.now();
    this.tally.writesAtMs.push(nowMs);
    this.tally.writeLatenciesMs.push(nowMs - dueMs);
    this.tally.confirmed.add(id);
    this.tally.lastToken = outcome.token;
    const reader = clients[arrival.readIn];
    if (reader !== undefined) await this.#readBack(reader, { id, note, token: outcome.token });
  }

  /** A session read in another region with the token of the write's reply must show the write. */
  async #readBack(
    reader: DataClient,
    write: { id: number; note: string; token: string | null },
  ): Promise<void> {
    const sql = 'SELECT note FROM demo.visit WHERE run = $1 AND id = $2';
    const request: Request = {
      kind: 'session',
      path: '/v1/query',
      body: { sql, params: [this.#options.run, write.id] },
      headers: {
        'meridian-consistency': 'session',
        ...(write.token === null ? {} : { 'meridian-position': write.token }),
      },
    };
    const outcome = await this.#timed(reader, request, performance.now());
    if (outcome.kind !== 'answered') return;
    if (firstRow(outcome.body)['note'] !== write.note) this.tally.missedOwnWrites += 1;
  }

  /** Numbered writes in durability async: their way to the other regions is the lag. */
  async #pulse(untilMs: number): Promise<void> {
    const [client] = this.#options.clients;
    const sql = 'UPDATE demo.pulse SET number = number + 1 RETURNING number';
    while (client !== undefined && performance.now() < untilMs) {
      const request: Request = {
        kind: 'pulse',
        path: '/v1/query',
        body: { sql },
        headers: { 'meridian-durability': 'async' },
      };
      const outcome = await this.#timed(client, request, performance.now());
      if (outcome.kind === 'answered') {
        this.#lag.committed(Number(firstRow(outcome.body)['number']), performance.now());
      }
      await sleep(pulseEveryMs);
    }
  }

  async #timed(client: DataClient, request: Request, dueMs: number): Promise<DataOutcome> {
    const outcome = await client.send(request);
    this.tally.requests += 1;
    this.tally.latenciesMs[request.kind].push(performance.now() - dueMs);
    if (outcome.kind === 'refused' && outcome.code === 'CommitOutcomeUnknown') {
      this.tally.unknownOutcomes += 1;
    } else if (outcome.kind !== 'answered') {
      const code = outcome.kind === 'refused' ? outcome.code : 'no reply';
      this.tally.failedByCode.set(code, (this.tally.failedByCode.get(code) ?? 0) + 1);
    }
    return outcome;
  }
}

function readRequest(sql: string, cityId: number, level: 'strong' | 'eventual'): Request {
  return {
    kind: level,
    path: '/v1/query',
    body: { sql, params: [cityId] },
    headers: { 'meridian-consistency': level },
  };
}

function emptyTally(): Tally {
  return {
    requests: 0,
    unknownOutcomes: 0,
    missedOwnWrites: 0,
    failedByCode: new Map(),
    latenciesMs: { write: [], session: [], strong: [], eventual: [], pulse: [] },
    writesAtMs: [],
    writeLatenciesMs: [],
    confirmed: new Set(),
    lastToken: null,
  };
}
