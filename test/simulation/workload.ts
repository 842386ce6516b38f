/** Clients: writes of three modes, strong reads in three moments, session tokens. */
import { formatPosition } from '../../shared/core/position.ts';
import type { SimRegion } from './sim-region.ts';
import { positionOf, Violation, type Mode, type Txn } from './transaction.ts';
import type { World } from './world.ts';

export class Workload {
  readonly tokens: Txn[] = [];
  /** Gated writes that a strong read has shown. */
  readonly #observed = new Set<number>();
  readonly #world: World;
  #nextId = 1;

  constructor(world: World) {
    this.#world = world;
  }

  turn(region: SimRegion): void {
    this.#write(region);
    this.#read(region);
    this.#checkToken(region);
  }

  #write(region: SimRegion): void {
    const { node, view } = region;
    const { random } = this.#world;
    const epoch = node.fence.openEpoch;
    if (epoch === null || !node.isOpenFor(epoch)) return;
    if (!random.chance(this.#world.isCalm ? 0.15 : 0.4)) return;
    // Clients of the router have a lease behind them; direct clients only the door.
    const isDirect = random.chance(0.2);
    if (!isDirect && (view === null || view.prepare !== null || !this.#hasLease(region))) return;
    const last = node.position();
    const n = last.epoch === epoch ? Number(last.endLsn) + 1 : 1;
    const mode: Mode = random.pick(['semi', 'sync', 'async', 'async']);
    const txn: Txn = { position: positionOf(epoch, n), id: this.#nextId, mode };
    this.#nextId += 1;
    node.append(txn);
    this.#world.written.push(txn);
    if (mode === 'async') this.tokens.push(txn);
    else node.waiting.push(txn);
  }

  /** It begins, the database answers, the lease is checked and the reply leaves. */
  #read(region: SimRegion): void {
    const world = this.#world;
    const { node, view } = region;
    const { reading } = region;
    if (view === null) return;
    if (reading === null) {
      if (!world.random.chance(0.4) || !this.#hasLease(region)) return;
      region.reading = { epoch: view.epoch, mustSee: world.confirmed.length, rows: null };
      return;
    }
    if (reading.rows === null) {
      // Seen in its own snapshot: the node is open for this epoch and not sealed for a newer one.
      if (!node.isOpenFor(reading.epoch)) region.reading = null;
      else reading.rows = rowsOf(region);
      return;
    }
    region.reading = null;
    if (!this.#hasLease(region) || view.epoch !== reading.epoch) return;
    const isProtected = view.strongReadsFrom === null;
    if (!isProtected && view.k > 0) return;
    this.#judgeRead(region, { ...reading, rows: reading.rows }, isProtected);
  }

  #judgeRead(
    region: SimRegion,
    reading: { readonly mustSee: number; readonly rows: ReadonlyMap<number, string> },
    isProtected: boolean,
  ): void {
    const world = this.#world;
    const { confirmed, excused, count } = world;
    count.strong += 1;
    for (let index = 0; index < reading.mustSee; index += 1) {
      const txn = confirmed[index];
      if (txn === undefined || reading.rows.has(txn.id) || excused.has(txn.id)) continue;
      const position = formatPosition(txn.position);
      throw new Violation(`stale strong read at ${region.id}: ${txn.mode} ${position} is missing`);
    }
    for (const id of this.#observed) {
      if (reading.rows.has(id) || excused.has(id)) continue;
      throw new Violation(`a gated write that a strong read had shown has vanished: ${id}`);
    }
    if (!isProtected || region.view?.k === 0) return;
    for (const [id, mode] of reading.rows) {
      if (mode === 'semi' || mode === 'sync') this.#observed.add(id);
    }
  }

  #checkToken(region: SimRegion): void {
    const world = this.#world;
    const { random, count, excused } = world;
    if (this.tokens.length === 0 || !random.chance(0.08)) return;
    const token = random.pick(this.tokens);
    const { view, node } = region;
    const at = node.position();
    if (view === null || excused.has(token.id) || view.epoch < at.epoch) return;
    const verdict = world.rules.judgeToken(token.position, at, view.history);
    count.tokens += 1;
    const isPresent = node.db.some((txn) => txn.id === token.id);
    if (verdict === 'lost') count.lostTokens += 1;
    if ((verdict === 'satisfied' && !isPresent) || (verdict === 'lost' && isPresent)) {
      const position = formatPosition(token.position);
      throw new Violation(`token ${position} is called ${verdict} at ${region.id}`);
    }
  }

  #hasLease(region: SimRegion): boolean {
    const { view, world } = region;
    if (view === null || !view.isOpen || view.leaseValidUntilMs === null) return false;
    return world.nowMs < view.leaseValidUntilMs;
  }
}

function rowsOf(region: SimRegion): ReadonlyMap<number, string> {
  const { node } = region;
  const waiting = new Set(node.waiting.map((txn) => txn.id));
  const rows = new Map<number, string>();
  for (const txn of node.db) if (!waiting.has(txn.id)) rows.set(txn.id, txn.mode);
  return rows;
}
