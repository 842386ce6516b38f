/**
 * Who must come before whom among transactions on lists that are appended to, after Kingsbury and
 * Alvaro ("Elle", 2020): a read shows all items of a list in their order, so that its last item
 * names whom it has seen (write-read), the next one whom it has not (read-write), and neighbours
 * follow each other (write-write). What ended before another began precedes it in time. A circle
 * is no order at all.
 */
export type Access =
  | { readonly kind: 'append'; readonly key: string; readonly item: number }
  | { readonly kind: 'read'; readonly key: string; readonly items: readonly number[] };

export interface Transaction {
  readonly startedMs: number;
  /** Infinity when nobody knows that it happened. */
  readonly endedMs: number;
  readonly accesses: readonly Access[];
}

export interface Step {
  readonly from: number;
  readonly to: number;
  readonly why: string;
}

/** A circle for each knot of transactions without an order; numbers are places in the argument. */
export function findCircles(transactions: readonly Transaction[]): readonly (readonly Step[])[] {
  const graph = new Graph(transactions.length);
  addSeen(graph, transactions);
  addTimes(graph, transactions);
  return graph
    .knots()
    .map((knot) => graph.circleIn(knot).filter(({ from }) => from < transactions.length));
}

function addSeen(graph: Graph, transactions: readonly Transaction[]): void {
  const writers = new Map<string, number>();
  const orders = new Map<string, readonly number[]>();
  for (const [place, { accesses }] of transactions.entries()) {
    for (const access of accesses) {
      if (access.kind === 'append') writers.set(`${access.key} ${access.item}`, place);
      else if (access.items.length >= (orders.get(access.key) ?? []).length) {
        orders.set(access.key, access.items);
      }
    }
  }
  const writerOf = (key: string, item: number | undefined): number | undefined =>
    item === undefined ? undefined : writers.get(`${key} ${item}`);
  for (const [key, order] of orders) {
    for (const [index, item] of order.entries()) {
      graph.add(writerOf(key, order[index - 1]), writerOf(key, item), `${key}: ww`);
    }
  }
  for (const [place, { accesses }] of transactions.entries()) {
    for (const access of accesses) {
      if (access.kind !== 'read') continue;
      const { key, items } = access;
      graph.add(writerOf(key, items.at(-1)), place, `${key}: wr`);
      graph.add(place, writerOf(key, orders.get(key)?.[items.length]), `${key}: rw`);
    }
  }
}

/** Moments are places of their own, in a chain: an edge for each pair would be too many. */
function addTimes(graph: Graph, transactions: readonly Transaction[]): void {
  const ends = [...transactions.entries()]
    .filter(([, { endedMs }]) => endedMs < Infinity)
    .toSorted(([, a], [, b]) => a.endedMs - b.endedMs);
  const moments = ends.map(([place]) => {
    const moment = graph.addPlace();
    graph.add(place, moment, 'then');
    return moment;
  });
  for (const [index, moment] of moments.entries()) graph.add(moments[index - 1], moment, 'then');
  for (const [place, { startedMs }] of transactions.entries()) {
    const before = ends.findLastIndex(([, { endedMs }]) => endedMs < startedMs);
    graph.add(moments[before], place, 'then');
  }
}

class Graph {
  readonly #edges: Map<number, string>[];

  constructor(places: number) {
    this.#edges = Array.from({ length: places }, () => new Map());
  }

  addPlace(): number {
    return this.#edges.push(new Map()) - 1;
  }

  add(from: number | undefined, to: number | undefined, why: string): void {
    if (from === undefined || to === undefined || from === to) return;
    const edges = this.#edges[from];
    if (edges?.has(to) === false) edges.set(to, why);
  }

  /** Strongly connected parts of more than one place (Tarjan 1972, with a stack of its own). */
  knots(): readonly ReadonlySet<number>[] {
    const order = new Map<number, number>();
    const low = new Map<number, number>();
    const [held, onStack] = [[] as number[], new Set<number>()];
    const knots: ReadonlySet<number>[] = [];
    for (const root of this.#edges.keys()) {
      if (order.has(root)) continue;
      const pending = [this.#enter(root, { order, low, held, onStack })];
      for (let top = pending.at(-1); top !== undefined; top = pending.at(-1)) {
        const { place, next } = top;
        const { value: to, done } = next.next();
        if (done !== true) {
          if (!order.has(to)) pending.push(this.#enter(to, { order, low, held, onStack }));
          else if (onStack.has(to)) lower(low, place, order.get(to) ?? 0);
          continue;
        }
        pending.pop();
        const above = pending.at(-1);
        if (above !== undefined) lower(low, above.place, low.get(place) ?? 0);
        if (low.get(place) !== order.get(place)) continue;
        const knot = new Set(held.splice(held.indexOf(place)));
        for (const one of knot) onStack.delete(one);
        if (knot.size > 1) knots.push(knot);
      }
    }
    return knots;
  }

  /** A shortest way from a place of `knot` back to it. */
  circleIn(knot: ReadonlySet<number>): readonly Step[] {
    const start = Math.min(...knot);
    const came = new Map<number, Step>();
    const queue = [start];
    for (let from = queue.shift(); from !== undefined; from = queue.shift()) {
      for (const [to, why] of this.#edges[from] ?? []) {
        if (!knot.has(to) || came.has(to)) continue;
        came.set(to, { from, to, why });
        if (to === start) return trail(came, start);
        queue.push(to);
      }
    }
    return [];
  }

  #enter(
    place: number,
    { order, low, held, onStack }: Search,
  ): { place: number; next: Iterator<number, undefined> } {
    order.set(place, order.size);
    low.set(place, order.size - 1);
    held.push(place);
    onStack.add(place);
    return { place, next: (this.#edges[place] ?? new Map<number, string>()).keys() };
  }
}

interface Search {
  readonly order: Map<number, number>;
  readonly low: Map<number, number>;
  readonly held: number[];
  readonly onStack: Set<number>;
}

function lower(low: Map<number, number>, place: number, value: number): void {
  low.set(place, Math.min(low.get(place) ?? value, value));
}

function trail(came: ReadonlyMap<number, Step>, start: number): readonly Step[] {
  const steps: Step[] = [];
  for (let step = came.get(start); step !== undefined; step = came.get(step.from)) {
    steps.unshift(step);
    if (step.from === start) break;
  }
  return steps;
}
