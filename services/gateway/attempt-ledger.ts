/**
 * The attempts of one request that are under way: what each tells of its upstream, and how long
 * the request has been waiting for any of them.
 */
import { AttemptAborted, type Attempt } from './io/attempt.ts';
import type { Ticket } from './io/upstream-group.ts';
import type { GatewayRuntime } from './runtime.ts';
import type { Target } from './target-choice.ts';

export interface Sent {
  readonly target: Target;
  /** For instances of the own region. */
  readonly ticket: Ticket | null;
}

export class AttemptLedger {
  readonly #runtime: GatewayRuntime;
  /** One, or two while a hedge is out. */
  readonly #live = new Map<Attempt, Sent>();
  #waitingSinceMs = 0;
  /** Time spent waiting for reply heads; the rest until the head is the gateway's own. */
  upstreamMs = 0;
  attempts = 0;
  last: Target | null = null;

  constructor(runtime: GatewayRuntime) {
    this.#runtime = runtime;
  }

  get size(): number {
    return this.#live.size;
  }

  of(attempt: Attempt): Sent | undefined {
    return this.#live.get(attempt);
  }

  /** `attempt` goes out to `target`. */
  begin(attempt: Attempt, target: Target): void {
    this.attempts += 1;
    this.last = target;
    const ticket = target.kind === 'instance' ? target.group.begin(target.instance, attempt) : null;
    if (this.#live.size === 0) this.#waitingSinceMs = attempt.sentMs;
    this.#live.set(attempt, { target, ticket });
  }

  /** How the attempt went, told once; `ok` null says nothing of the upstream. */
  settle(attempt: Attempt, ok: boolean | null, headMs: number | null): void {
    const sent = this.#live.get(attempt);
    if (sent === undefined) return;
    const { target, ticket } = sent;
    if (ok !== null) {
      const name = target.kind === 'instance' ? target.group.name : `region/${target.region}`;
      this.#runtime.meters.attempt(name, ok ? 'ok' : 'failed');
    }
    if (target.kind !== 'instance' || ticket === null) return;
    target.group.headArrived(ticket, attempt);
    target.group.settle(ticket, ok, headMs);
  }

  /** The attempt is over and no longer counts at its instance. */
  release(attempt: Attempt): void {
    const sent = this.#live.get(attempt);
    if (sent === undefined) return;
    this.#live.delete(attempt);
    const { target, ticket } = sent;
    if (target.kind === 'instance' && ticket !== null) target.group.release(ticket, attempt);
    if (this.#live.size === 0) this.stopWaiting();
  }

  /** Ends every attempt but `winner`. */
  abandon(winner: Attempt | null): void {
    for (const attempt of [...this.#live.keys()]) {
      if (attempt === winner) continue;
      this.settle(attempt, null, null);
      this.release(attempt);
      attempt.abort(new AttemptAborted('The attempt is no longer needed.'));
    }
  }

  /** The reply head is there, or nothing is under way. */
  stopWaiting(): void {
    if (this.#waitingSinceMs === 0) return;
    this.upstreamMs += this.#runtime.clock.monotonicMs() - this.#waitingSinceMs;
    this.#waitingSinceMs = 0;
  }
}
