/**
 * Counters and histograms that cost a few additions per request; prom-client's own compute a hash
 * of the labels each time. The registry asks for the values when it is scraped.
 */
import type { Metrics, MetricName } from '../../../shared/metrics/metrics.ts';

interface Value {
  readonly value: number;
  readonly labels: Readonly<Record<string, string | number>>;
  readonly metricName?: string;
}

/** What prom-client's registry asks of a metric (its `get`). */
interface Collected {
  readonly name: string;
  readonly help: string;
  readonly type: 'counter' | 'histogram';
  readonly values: readonly Value[];
  readonly aggregator: 'sum';
}

/** One number per label set. */
export class FastCounter {
  readonly #of: MetricName;
  readonly #counts = new Map<string, { readonly labels: Value['labels']; value: number }>();

  constructor(of: MetricName, metrics: Metrics) {
    this.#of = of;
    register(metrics, of.name, () => this.#collect());
  }

  /** The cell of these label values, to be kept and added to. */
  cell(...labels: readonly string[]): { value: number } {
    const key = labels.join('\n');
    let cell = this.#counts.get(key);
    if (cell === undefined) {
      cell = { labels: labelsOf(this.#of, labels), value: 0 };
      this.#counts.set(key, cell);
    }
    return cell;
  }

  #collect(): Collected {
    const values = [...this.#counts.values()].map(({ labels, value }) => ({ labels, value }));
    const { name, help } = this.#of;
    return { name, help, type: 'counter', values, aggregator: 'sum' };
  }
}

/** Counts of one label set by upper bound, with their sum. */
export class HistogramCell {
  readonly labels: Value['labels'];
  readonly counts: Float64Array;
  readonly #bounds: readonly number[];
  sum = 0;

  constructor(labels: Value['labels'], bounds: readonly number[]) {
    this.labels = labels;
    this.#bounds = bounds;
    this.counts = new Float64Array(bounds.length + 1);
  }

  observe(value: number): void {
    let at = 0;
    while (at < this.#bounds.length && value > (this.#bounds[at] ?? 0)) at += 1;
    this.counts[at] = (this.counts[at] ?? 0) + 1;
    this.sum += value;
  }
}

export class FastHistogram {
  readonly #of: MetricName;
  readonly #bounds: readonly number[];
  readonly #cells = new Map<string, HistogramCell>();

  /** `bounds` ascending, in the unit that the name ends with. */
  constructor(of: MetricName, bounds: readonly number[], metrics: Metrics) {
    this.#of = of;
    this.#bounds = bounds;
    register(metrics, of.name, () => this.#collect());
  }

  /** The cell of these label values, to be kept and observed into. */
  cell(...labels: readonly string[]): HistogramCell {
    const key = labels.join('\n');
    let cell = this.#cells.get(key);
    if (cell === undefined) {
      cell = new HistogramCell(labelsOf(this.#of, labels), this.#bounds);
      this.#cells.set(key, cell);
    }
    return cell;
  }

  #collect(): Collected {
    const { name, help } = this.#of;
    const values = [...this.#cells.values()].flatMap((cell) => this.#valuesOf(cell));
    return { name, help, type: 'histogram', values, aggregator: 'sum' };
  }

  #valuesOf({ labels, counts, sum }: HistogramCell): readonly Value[] {
    const { name } = this.#of;
    let total = 0;
    const buckets = [...counts].map((count, at) => {
      total += count;
      const le = this.#bounds[at] ?? '+Inf';
      return { labels: { ...labels, le }, value: total, metricName: `${name}_bucket` };
    });
    return [
      ...buckets,
      { labels, value: sum, metricName: `${name}_sum` },
      { labels, value: total, metricName: `${name}_count` },
    ];
  }
}

function register(metrics: Metrics, name: string, collect: () => Collected): void {
  const metric = { name, get: () => Promise.resolve(collect()), reset: () => undefined };
  metrics.registry.registerMetric(metric as never);
}

function labelsOf(of: MetricName, values: readonly string[]): Value['labels'] {
  return Object.fromEntries(of.labels.map((label, at) => [label, values[at] ?? '']));
}
