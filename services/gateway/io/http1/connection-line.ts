/**
 * HTTP/1.1 carries one request per connection at a time, so an instance takes at most as many at
 * once as it may have connections. Who comes then waits in line, in order and for a bounded time:
 * open streams may keep every connection for hours.
 */
import { ConnectionsTaken, type Attempt } from '../attempt.ts';
import type { OutgoingRequest, UpstreamClient } from '../upstream-client.ts';

export interface LineRules {
  readonly connectionsMax: number;
  /** Longest wait for a connection. */
  readonly connectMs: number;
}

interface InLine {
  readonly outgoing: OutgoingRequest;
  readonly timer: NodeJS.Timeout;
}

export class ConnectionLine {
  readonly #client: UpstreamClient;
  readonly #rules: LineRules;
  readonly #waiting = new Map<Attempt, InLine>();
  #open = 0;

  constructor(client: UpstreamClient, rules: LineRules) {
    this.#client = client;
    this.#rules = rules;
  }

  /** Sends now, or when a connection is free; else fails `attempt` in time. */
  enter(attempt: Attempt, outgoing: OutgoingRequest): void {
    if (this.#open < this.#rules.connectionsMax) {
      this.#open += 1;
      this.#client.send(outgoing, attempt);
      return;
    }
    const timer = setTimeout(() => attempt.abort(new ConnectionsTaken()), this.#rules.connectMs);
    this.#waiting.set(attempt, { outgoing, timer });
  }

  /** The attempt is over, whether it has been sent or not. */
  leave(attempt: Attempt): void {
    const inLine = this.#waiting.get(attempt);
    if (inLine !== undefined) {
      clearTimeout(inLine.timer);
      this.#waiting.delete(attempt);
      return;
    }
    this.#open -= 1;
    for (const [next, { outgoing, timer }] of this.#waiting) {
      clearTimeout(timer);
      this.#waiting.delete(next);
      this.#open += 1;
      this.#client.send(outgoing, next);
      return;
    }
  }
}
