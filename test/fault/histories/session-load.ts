/**
 * Sessions that write and read through the published client in every region, as fast as they are
 * answered, and tell a checker what they saw.
 */
import {
  MeridianClient,
  MeridianClientError,
  type Fetch,
} from '../../../services/client/client.ts';
import { HistoryChecker, type Vector } from './history-checker.ts';

export interface SessionLoadOptions {
  /** Origins of the regions' gateways, by region. */
  readonly origins: ReadonlyMap<string, string>;
  readonly token: () => Promise<string>;
  readonly fetch: Fetch;
  readonly sessions: number;
  readonly boundMs: number;
}

export interface LoadCounts {
  sessionReads: number;
  strongReads: number;
  boundedReads: number;
  writes: number;
  /** Session reads that a node of the asked region served. */
  localReads: number;
  /** Sessions that were told that something they had seen is lost. */
  lost: number;
  readonly failed: Map<string, number>;
}

/** Each session raises two cells in turn. */
const cellsOfSession = 2;

export const cellTable = [
  'CREATE SCHEMA history',
  'CREATE TABLE history.cell (id int PRIMARY KEY, n int NOT NULL)',
];

const readSql = "SELECT string_agg(n::text, ',' ORDER BY id) AS seen FROM history.cell";
const writeSql = 'UPDATE history.cell SET n = greatest(n, $2) WHERE id = $1';

export class SessionLoad {
  readonly checker: HistoryChecker;
  readonly counts: LoadCounts = {
    sessionReads: 0,
    strongReads: 0,
    boundedReads: 0,
    writes: 0,
    localReads: 0,
    lost: 0,
    failed: new Map(),
  };
  /** Regions that are asked; one that is down is left out. */
  regions: readonly string[];
  readonly #options: SessionLoadOptions;
  #isRunning = true;

  constructor(options: SessionLoadOptions) {
    this.#options = options;
    this.regions = [...options.origins.keys()];
    const ownerOf = (cell: number): number => Math.floor(cell / cellsOfSession);
    this.checker = new HistoryChecker(options.sessions * cellsOfSession, ownerOf);
  }

  get fillSql(): string {
    const last = this.#options.sessions * cellsOfSession - 1;
    return `INSERT INTO history.cell SELECT i, 0 FROM generate_series(0, ${last}) AS i`;
  }

  /** Resolves after `stop`. Throws what is no typed error. */
  async run(): Promise<void> {
    const ids = Array.from({ length: this.#options.sessions }, (_, id) => id);
    await Promise.all(ids.map((id) => this.#session(id)));
  }

  stop(): void {
    this.#isRunning = false;
  }

  async #session(id: number): Promise<void> {
    const { origins, token, fetch } = this.#options;
    const clients = new Map(
      [...origins].map(([region, url]) => [
        region,
        new MeridianClient({ urls: [url], token, fetch, timeoutMs: 8000, attemptsMax: 1 }),
      ]),
    );
    const state = { id, clients, position: null as string | null, n: 0, home: id };
    while (this.#isRunning) {
      try {
        await this.#step(state);
      } catch (error) {
        if (!(error instanceof MeridianClientError)) throw error;
        const { failed } = this.counts;
        failed.set(error.code, (failed.get(error.code) ?? 0) + 1);
        if (error.code === 'WriteLost') this.#beginAnew(state);
        else await new Promise((resolve) => setTimeout(resolve, 5));
      }
    }
  }

  async #step(state: SessionState): Promise<void> {
    if (Math.random() < 0.15) state.home += 1;
    const region = this.regions[state.home % this.regions.length] ?? '';
    const dice = Math.random();
    if (dice < 0.05) await this.#write(state, region);
    else if (dice < 0.1) await this.#read(state, region, 'strong');
    else if (dice < 0.15) await this.#read(state, region, 'bounded');
    else await this.#read(state, region, 'session');
  }

  async #write(state: SessionState, region: string): Promise<void> {
    const client = clientOf(state, region);
    state.n += 1;
    const { id, n } = state;
    const cell = id * cellsOfSession + (n % cellsOfSession);
    this.checker.writing(id, cell, n);
    if (Math.random() < 0.2) await writeByCalls(client, [cell, n]);
    else await client.query(writeSql, [cell, n]);
    this.checker.confirmed(id, { cell, n }, performance.now());
    state.position = client.position;
    this.counts.writes += 1;
  }

  async #read(
    state: SessionState,
    region: string,
    level: 'session' | 'strong' | 'bounded',
  ): Promise<void> {
    const { boundMs } = this.#options;
    const client = clientOf(state, region);
    const startedMs = performance.now();
    const options = { consistency: level, ...(level === 'bounded' && { maxStalenessMs: boundMs }) };
    const { rows, served } = await client.query<{ seen: string }>(readSql, [], options);
    const seen: Vector = (rows[0]?.seen ?? '').split(',').map(Number);
    this.checker.read({ session: state.id, level, boundMs, startedMs, seen });
    state.position = client.position;
    if (level === 'strong') this.counts.strongReads += 1;
    else if (level === 'bounded') this.counts.boundedReads += 1;
    else {
      this.counts.sessionReads += 1;
      if (served.servedBy.startsWith(`${region}/`)) this.counts.localReads += 1;
    }
  }

  #beginAnew(state: SessionState): void {
    this.counts.lost += 1;
    this.checker.forget(state.id);
    const { origins, token, fetch } = this.#options;
    state.position = null;
    for (const [region, url] of origins) {
      state.clients.set(
        region,
        new MeridianClient({ urls: [url], token, fetch, timeoutMs: 8000, attemptsMax: 1 }),
      );
    }
  }
}

interface SessionState {
  readonly id: number;
  readonly clients: Map<string, MeridianClient>;
  position: string | null;
  n: number;
  home: number;
}

/** The same write in an interactive transaction. */
async function writeByCalls(client: MeridianClient, params: readonly number[]): Promise<void> {
  const transaction = await client.begin({ timeoutMs: 8000 });
  try {
    await transaction.query(writeSql, params);
  } catch (error) {
    await transaction.rollback().catch(() => undefined);
    throw error;
  }
  await transaction.commit();
}

/** The session goes on in `region` from where it is. */
function clientOf(state: SessionState, region: string): MeridianClient {
  const client = state.clients.get(region);
  if (client === undefined) throw new RangeError(`no region ${region}`);
  client.advance(state.position);
  return client;
}
