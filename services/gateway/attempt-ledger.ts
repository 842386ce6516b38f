/**
 * The attempts of one request that are under way, one or, while a hedge is out, two: what each
 * tells of its upstream, and how long the request has been waiting for any of them.
 */
import { AttemptAborted, type Attempt } from './io/attempt.ts';
import type { OutgoingRequest } from './io/upstream-client.ts';
import type { Ticket } from './io/upstream-group.ts';
import type { GatewayRuntime } from './runtime.ts';
import { keyOf, type Target } from './target-choice.ts';

interface Sent {
  readonly attempt: Attempt;
  readonly target: Target;
  /** For instances of the own region. */
  readonly ticket: Ticket | null;
}

const none: ReadonlySet<string> = new Set();

export class AttemptLedger {
  readonly #runtime: GatewayRuntime;
  #first: Sent | null = null;
  #second: Sent | null = null;
  #tried: Set<string> | null = null;
  #waitingSinceMs = 0;
  /** Time spent waiting for reply heads; the rest until the head is the gateway's own. */
  upstreamMs = 0;
  attempts = 0;
  last: Target | null = null;

  constructor(runtime: GatewayRuntime) {
    this.#runtime = runtime;
  }

  /** Attempts under way. */
  get size(): number {
    return (this.#first === null ? 0 : 1) + (this.#second === null ? 0 : 1);
  }

  /** Targets of earlier attempts; the last one is added only when it has failed to answer. */
  get tried(): ReadonlySet<string> {
    if (this.last === null) return none;
    this.#tried ??= new Set();
    return this.#tried.add(keyOf(this.last));
  }

  /** Where `attempt` went, while it is under way. */
  targetOf(attempt: Attempt): Target | null {
    return this.#of(attempt)?.target ?? null;
  }

  /** `attempt` goes out to `target`, at once or when an instance has a connection for it. */
  send(attempt: Attempt, target: Target, outgoing: OutgoingRequest): void {
    this.attempts += 1;
    this.last = target;
    const ticket = target.kind === 'instance' ? target.group.begin(target.instance, attempt) : null;
    if (this.size === 0) this.#waitingSinceMs = attempt.sentMs;
    const sent = { attempt, target, ticket };
    if (this.#first === null) this.#first = sent;
    else this.#second = sent;
    if (target.kind === 'instance') target.instance.send(outgoing, attempt);
    else target.client.send(outgoing, attempt);
  }

  /** How the attempt went, told once; `ok` null says nothing of the upstream. */
  settle(attempt: Attempt, ok: boolean | null, headMs: number | null): void {
    const sent = this.#of(attempt);
    if (sent === null) return;
    const { target, ticket } = sent;
    if (ok !== null) {
      const name = target.kind === 'instance' ? target.group.name : target.label;
      this.#runtime.meters.attempt(name, ok);
    }
    if (target.kind !== 'instance' || ticket === null) return;
    target.group.headArrived(ticket, attempt);
    target.group.settle(ticket, ok, headMs);
  }

  /** The whole time of the route is over: what has not answered by now has failed. */
  timeOut(): void {
    for (const sent of [this.#first, this.#second]) {
      if (sent !== null) this.settle(sent.attempt, false, null);
    }
  }

  /** The attempt is over and no longer counts at its instance. */
  release(attempt: Attempt): void {
    const sent = this.#of(attempt);
    if (sent === null) return;
    if (sent === this.#first) this.#first = null;
    else this.#second = null;
    const { target, ticket } = sent;
    if (target.kind === 'instance' && ticket !== null) {
      target.group.release(ticket, attempt);
      target.instance.leave(attempt);
    }
    if (this.size === 0) this.stopWaiting();
  }

  /** Ends every attempt but `winner`. */
  abandon(winner: Attempt | null): void {
    for (const sent of [this.#first, this.#second]) {
      if (sent === null || sent.attempt === winner) continue;
      this.settle(sent.attempt, null, null);
      this.release(sent.attempt);
      sent.attempt.abort(new AttemptAborted('The attempt is no longer needed.'));
    }
  }

  /** The reply head is there, or nothing is under way. */
  stopWaiting(): void {
    if (this.#waitingSinceMs === 0) return;
    this.upstreamMs += this.#runtime.clock.monotonicMs() - this.#waitingSinceMs;
    this.#waitingSinceMs = 0;
  }

  #of(attempt: Attempt): Sent | null {
    if (this.#first?.attempt === attempt) return this.#first;
    return this.#second?.attempt === attempt ? this.#second : null;
  }
}
