/** Clients: writes of three modes, strong reads in three moments, session tokens. */
import type { SimRegion } from './sim-region.ts';
import { positionOf, type Transaction } from './transaction.ts';
import type { World } from './world.ts';

export class Workload {
  readonly #world: World;

  constructor(world: World) {
    this.#world = world;
  }

  turn(region: SimRegion): void {
    this.#write(region);
    if (this.#world.draw.happens(0.4)) this.#write(region);
    this.#read(region);
    this.#checkToken(region);
  }

  #write(region: SimRegion): void {
    const { node, view } = region;
    const { draw, ledger, isCalm } = this.#world;
    const epoch = node.fence.openEpoch;
    if (epoch === null || !node.isOpenFor(epoch)) return;
    if (!draw.happens(isCalm ? 0.2 : 0.8)) return;
    // Clients of the router have a lease behind them; direct clients only the door.
    const isDirect = draw.happens(0.2);
    if (!isDirect && (view === null || view.prepare !== null || !this.#hasLease(region))) return;
    const last = node.position();
    const n = last.epoch === epoch ? Number(last.endLsn) + 1 : 1;
    const mode = draw.pick(['semi-sync', 'semi-sync', 'sync', 'async', 'async'] as const);
    const written = ledger.write(positionOf(epoch, n), mode);
    node.append(written);
    if (mode === 'async') ledger.tokens.push(written);
    else node.waiting.push(written);
  }

  /** It begins, the database answers, the lease is checked and the reply leaves. */
  #read(region: SimRegion): void {
    const { draw, ledger } = this.#world;
    const { node, view, reading } = region;
    if (view === null) return;
    if (reading === null) {
      if (!draw.happens(0.4) || !this.#hasLease(region)) return;
      region.reading = { epoch: view.epoch, read: ledger.beginRead() };
      return;
    }
    if (reading.read.rows === null) {
      // Seen in its own snapshot: the node is open for this epoch and not sealed for a newer one.
      if (!node.isOpenFor(reading.epoch)) region.reading = null;
      else reading.read.rows = rowsOf(region);
      return;
    }
    region.reading = null;
    if (!this.#hasLease(region) || view.epoch !== reading.epoch) return;
    const isProtected = view.strongReadsFrom === null;
    // While nothing is being confirmed (K = 0) the reply says so.
    if (!isProtected && view.k > 0) return;
    ledger.endRead(reading.read, region.id, isProtected && view.k > 0);
  }

  #checkToken(region: SimRegion): void {
    const { draw, ledger, rules } = this.#world;
    if (ledger.tokens.length === 0 || !draw.happens(0.08)) return;
    const token = draw.pick(ledger.tokens);
    const { view, node } = region;
    const at = node.position();
    if (view === null || ledger.isExcused(token) || view.epoch < at.epoch) return;
    const verdict = rules.judgeToken(token.position, at, view.history);
    ledger.checkVerdict(token, verdict, { name: region.id, holds: node.db });
  }

  #hasLease(region: SimRegion): boolean {
    const { view, world } = region;
    if (view === null || !view.isOpen || view.leaseValidUntilMs === null) return false;
    return world.nowMs < view.leaseValidUntilMs;
  }
}

/** What a snapshot of the node shows: everything but the COMMITs that wait. */
function rowsOf(region: SimRegion): ReadonlySet<Transaction> {
  const { node } = region;
  const rows = new Set(node.db);
  for (const waiting of node.waiting) rows.delete(waiting);
  return rows;
}
