/** The gateway's metrics, with label children looked up once. */
import type { Metrics } from '../../../shared/metrics/metrics.ts';
import { metricNames } from '../../../shared/metrics/names.ts';

export interface RequestFacts {
  readonly route: string;
  readonly status: number;
  readonly durationMs: number;
  readonly overheadMs: number;
}

export interface GatewayMeters {
  request(facts: RequestFacts): void;
  attempt(group: string, outcome: 'ok' | 'failed'): void;
  retry(why: string): void;
  setInFlight(count: number): void;
}

const secondsBuckets = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30];
const overheadBuckets = [0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.1, 1];

/** Meters in `metrics`; call it once per registry. */
export function createGatewayMeters(metrics: Metrics): GatewayMeters {
  const requests = metrics.counter(metricNames.gatewayRequests);
  const seconds = metrics.histogram(metricNames.gatewayRequestSeconds, secondsBuckets);
  const overhead = metrics.histogram(metricNames.gatewayOverheadSeconds, overheadBuckets);
  const attempts = metrics.counter(metricNames.gatewayAttempts);
  const retries = metrics.counter(metricNames.gatewayRetries);
  const inFlight = metrics.gauge(metricNames.gatewayInFlight);
  const requestChild = memo((route, status) => requests.labels(route, status));
  const secondsChild = memo((route) => seconds.labels(route));
  const overheadChild = memo((route) => overhead.labels(route));
  const attemptChild = memo((group, outcome) => attempts.labels(group, outcome));
  return {
    request({ route, status, durationMs, overheadMs }) {
      requestChild(route, status === 0 ? 'closed' : `${String(Math.floor(status / 100))}xx`).inc();
      secondsChild(route).observe(durationMs / 1000);
      overheadChild(route).observe(overheadMs / 1000);
    },
    attempt: (group, outcome) => attemptChild(group, outcome).inc(),
    retry: (why) => retries.labels(why).inc(),
    setInFlight: (count) => inFlight.set(count),
  };
}

function memo<T>(make: (first: string, second: string) => T): (a: string, b?: string) => T {
  const known = new Map<string, Map<string, T>>();
  return (a, b = '') => {
    let inner = known.get(a);
    if (inner === undefined) known.set(a, (inner = new Map<string, T>()));
    let value = inner.get(b);
    if (value === undefined) inner.set(b, (value = make(a, b)));
    return value;
  };
}
