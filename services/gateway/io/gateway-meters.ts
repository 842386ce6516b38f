/** The gateway's metrics; the cells of a route are looked up once. */
import type { Metrics } from '../../../shared/metrics/metrics.ts';
import { metricNames } from '../../../shared/metrics/names.ts';
import { FastCounter, FastHistogram, type HistogramCell } from './fast-histogram.ts';

export interface RequestFacts {
  readonly route: string;
  /** 0: the client has left. */
  readonly status: number;
  readonly durationMs: number;
  readonly overheadMs: number;
}

/** What the gateway knows when the metrics are read. */
export interface GatewayNow {
  readonly inFlight: () => number;
  readonly connections: () => number;
  readonly webSockets: () => number;
  readonly upstreams: () => readonly { readonly group: string; readonly state: string }[];
  readonly regions: () => readonly { readonly id: string; readonly isHealthy: boolean }[];
}

interface RouteCells {
  /** By the first digit of the status; 0: the client has left. */
  readonly statuses: readonly { value: number }[];
  readonly seconds: HistogramCell;
  readonly overhead: HistogramCell;
}

const secondsBounds = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30];
const overheadBounds = [0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.1, 1];
const classes = ['closed', '1xx', '2xx', '3xx', '4xx', '5xx'];

export class GatewayMeters {
  readonly #requests: FastCounter;
  readonly #seconds: FastHistogram;
  readonly #overhead: FastHistogram;
  readonly #attempts: FastCounter;
  readonly #retries: FastCounter;
  readonly #decisions: FastCounter;
  readonly #reasons = new Map<string, Map<string, { value: number }>>();
  readonly #routes = new Map<string, RouteCells>();
  readonly #groups = new Map<string, { ok: { value: number }; failed: { value: number } }>();

  /** Call it once per registry; `now` is asked when the metrics are read. */
  constructor(metrics: Metrics, now: GatewayNow) {
    this.#requests = new FastCounter(metricNames.gatewayRequests, metrics);
    this.#seconds = new FastHistogram(metricNames.gatewayRequestSeconds, secondsBounds, metrics);
    this.#overhead = new FastHistogram(metricNames.gatewayOverheadSeconds, overheadBounds, metrics);
    this.#attempts = new FastCounter(metricNames.gatewayAttempts, metrics);
    this.#retries = new FastCounter(metricNames.gatewayRetries, metrics);
    this.#decisions = new FastCounter(metricNames.gatewayDecisions, metrics);
    const gauge = metrics.gauge(metricNames.gatewayInFlight);
    Object.assign(gauge, { collect: () => gauge.set(now.inFlight()) });
    const connections = metrics.gauge(metricNames.gatewayConnections);
    const collectConnections = (): void => {
      connections.set({ kind: 'all' }, now.connections());
      connections.set({ kind: 'websocket' }, now.webSockets());
    };
    Object.assign(connections, { collect: collectConnections });
    const upstreams = metrics.gauge(metricNames.gatewayUpstreams);
    const collectUpstreams = (): void => {
      upstreams.reset();
      for (const { group, state } of now.upstreams()) upstreams.inc({ group, state });
    };
    Object.assign(upstreams, { collect: collectUpstreams });
    const regions = metrics.gauge(metricNames.gatewayRegionHealthy);
    const collectRegions = (): void => {
      for (const { id, isHealthy } of now.regions()) regions.set({ region: id }, Number(isHealthy));
    };
    Object.assign(regions, { collect: collectRegions });
  }

  request({ route, status, durationMs, overheadMs }: RequestFacts): void {
    const cells = this.#cellsOf(route);
    const counter = cells.statuses[Math.floor(status / 100)];
    if (counter !== undefined) counter.value += 1;
    cells.seconds.observe(durationMs / 1000);
    cells.overhead.observe(overheadMs / 1000);
  }

  /** An attempt at a group, or at another region. */
  attempt(group: string, ok: boolean): void {
    let cells = this.#groups.get(group);
    if (cells === undefined) {
      const cell = (outcome: string): { value: number } => this.#attempts.cell(group, outcome);
      cells = { ok: cell('ok'), failed: cell('failed') };
      this.#groups.set(group, cells);
    }
    if (ok) cells.ok.value += 1;
    else cells.failed.value += 1;
  }

  /** A decision for `region`, because of `why`. */
  decision(region: string, why: string): void {
    let ofRegion = this.#reasons.get(region);
    if (ofRegion === undefined) this.#reasons.set(region, (ofRegion = new Map()));
    let cell = ofRegion.get(why);
    if (cell === undefined) ofRegion.set(why, (cell = this.#decisions.cell(region, why)));
    cell.value += 1;
  }

  /** A failed attempt: `retried`, or why not. */
  retry(verdict: string): void {
    this.#retries.cell(verdict).value += 1;
  }

  #cellsOf(route: string): RouteCells {
    let cells = this.#routes.get(route);
    if (cells === undefined) {
      cells = {
        statuses: classes.map((name) => this.#requests.cell(route, name)),
        seconds: this.#seconds.cell(route),
        overhead: this.#overhead.cell(route),
      };
      this.#routes.set(route, cells);
    }
    return cells;
  }
}
