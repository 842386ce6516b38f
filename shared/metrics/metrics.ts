/** The process's metrics registry (Prometheus text format by prom-client). */
import { metricNames } from './names.ts';
import { refusals } from './refusals.ts';
import { collectDefaultMetrics, Counter, Gauge, Histogram, Registry } from 'prom-client';

export interface MetricName<L extends string = string> {
  readonly name: string;
  readonly help: string;
  readonly labels: readonly L[];
}

export interface Metrics {
  readonly registry: Registry;
  counter<L extends string>(of: MetricName<L>): Counter<L>;
  gauge<L extends string>(of: MetricName<L>): Gauge<L>;
  /** `buckets` in the unit that the name ends with. */
  histogram<L extends string>(of: MetricName<L>, buckets: readonly number[]): Histogram<L>;
}

/** A registry with Node's own metrics; names come from `names.ts`. */
export function createMetrics(): Metrics {
  const registry = new Registry();
  collectDefaultMetrics({ register: registry });
  new Counter({
    ...metricNames.refusals,
    labelNames: metricNames.refusals.labels,
    registers: [registry],
    collect() {
      this.reset();
      for (const { link, why, count } of refusals()) this.inc({ link, why }, count);
    },
  });
  const base = <L extends string>(
    of: MetricName<L>,
  ): { name: string; help: string; labelNames: L[]; registers: Registry[] } => ({
    name: of.name,
    help: of.help,
    labelNames: [...of.labels],
    registers: [registry],
  });
  return {
    registry,
    counter: (of) => new Counter(base(of)),
    gauge: (of) => new Gauge(base(of)),
    histogram: (of, buckets) => new Histogram({ ...base(of), buckets: [...buckets] }),
  };
}
