/**
 * Watches the region's own parts for the controller: what the node agent says of its nodes, and
 * what the region's own node says of itself. It asks on a timer, after an effect, and at once when
 * the connection to the node is lost.
 */
import type { NodeId } from '../../../../shared/core/node.ts';
import type { NodeState } from '../../../../shared/core/node-state.ts';
import { messageOf } from '../../../../shared/errors/meridian-error.ts';
import type { Clock } from '../../../../shared/ports/clock.ts';
import type { NodeControl } from '../../../../shared/ports/node-control.ts';
import { sleep } from '../../../../shared/runtime/sleep.ts';
import type { DatabaseFacts } from '../../core/controller-input.ts';
import { NodeConnection, type NodeAccess } from '../node-connection.ts';
import { readDatabaseFacts } from './node-facts.ts';

export type Observation =
  | {
      readonly kind: 'nodesReported';
      readonly askedAtMs: number;
      readonly nodes: readonly NodeState[];
    }
  | {
      readonly kind: 'databaseReported';
      readonly askedAtMs: number;
      readonly facts: DatabaseFacts | null;
      readonly why: string;
    };

export interface RegionWatchOptions {
  readonly nodeControl: NodeControl;
  readonly access: NodeAccess;
  readonly clock: Clock;
  readonly onObservation: (observation: Observation) => void;
  /** Another server than before runs as the region's own node. */
  readonly onServer: (node: NodeId) => void;
}

const nodesEveryMs = 250;
const databaseEveryMs = 250;
/** While a primary drains: its last transactions are waited for by everybody. */
const drainingEveryMs = 5;
const databaseBoundMs = 2000;
/** A node that has not answered is asked again soon: whether it comes back is waited for. */
const [lostEveryMs, lostBoundMs] = [100, 1500] as const;

export class RegionWatch {
  readonly #options: RegionWatchOptions;
  readonly #connection: NodeConnection;
  readonly #nodesBell = new Bell();
  readonly #databaseBell = new Bell();
  #nodes: readonly NodeState[] = [];
  #databaseEveryMs = databaseEveryMs;

  constructor(options: RegionWatchOptions) {
    this.#options = options;
    this.#connection = new NodeConnection(options.access, 'meridian-watch', () =>
      this.#databaseBell.ring(),
    );
  }

  /** The agent's newest answer. */
  nodes(): readonly NodeState[] {
    return this.#nodes;
  }

  /** Asks both now, besides the timers. */
  askNow(): void {
    this.#nodesBell.ring();
    this.#databaseBell.ring();
  }

  /** Asks the database now. */
  askDatabaseNow(): void {
    this.#databaseBell.ring();
  }

  /** Resolves once `signal` has aborted. */
  async run(signal: AbortSignal): Promise<void> {
    await Promise.all([
      repeat({ bell: this.#nodesBell, everyMs: () => nodesEveryMs, signal }, () =>
        this.#askNodes(),
      ),
      repeat({ bell: this.#databaseBell, everyMs: () => this.#databaseEveryMs, signal }, () =>
        this.#askDatabase(),
      ),
    ]);
    this.#connection.close();
  }

  async #askNodes(): Promise<void> {
    const askedAtMs = this.#options.clock.monotonicMs();
    // An agent that does not answer says nothing: the nodes go on without it.
    const nodes = await this.#options.nodeControl.nodes().catch(() => null);
    if (nodes === null) return;
    const before = runningNodeOf(this.#nodes)?.pid;
    this.#nodes = nodes;
    const running = runningNodeOf(nodes);
    if (running?.pid !== before) this.#databaseBell.ring();
    this.#options.onObservation({ kind: 'nodesReported', askedAtMs, nodes });
    if (running !== undefined && running.pid !== before) this.#options.onServer(running.id);
  }

  async #askDatabase(): Promise<void> {
    const askedAtMs = this.#options.clock.monotonicMs();
    const report = (facts: DatabaseFacts | null, why: string): void =>
      this.#options.onObservation({ kind: 'databaseReported', askedAtMs, facts, why });
    const node = runningNodeOf(this.#nodes);
    if (node === undefined) {
      report(null, 'no node of this region runs as a server of its own');
      return;
    }
    try {
      const place = { host: node.host, port: node.port };
      const boundMs = this.#databaseEveryMs === lostEveryMs ? lostBoundMs : databaseBoundMs;
      const facts = await this.#connection.run(place, boundMs, (client) =>
        readDatabaseFacts(client, node.id),
      );
      this.#databaseEveryMs = isDraining(facts) ? drainingEveryMs : databaseEveryMs;
      report(facts, 'the node answers');
    } catch (error) {
      this.#databaseEveryMs = lostEveryMs;
      report(null, messageOf(error));
    }
  }
}

function runningNodeOf(nodes: readonly NodeState[]): NodeState | undefined {
  return nodes.find((node) => node.mode === 'normal' && node.process === 'running');
}

/** Whether the door of a node that was open is closed, and transactions go on behind it. */
function isDraining({ fence, runningTransactions }: DatabaseFacts): boolean {
  return fence.lastOpenedEpoch > 0 && fence.openEpoch === null && runningTransactions > 0;
}

/** Wakes one sleeper; a ring while nobody sleeps wakes the next one at once. */
class Bell {
  #controller = new AbortController();

  ring(): void {
    this.#controller.abort();
  }

  async wait(ms: number): Promise<void> {
    await sleep(ms, this.#controller.signal);
    if (this.#controller.signal.aborted) this.#controller = new AbortController();
  }
}

interface Repetition {
  readonly bell: Bell;
  readonly everyMs: () => number;
  readonly signal: AbortSignal;
}

async function repeat(
  { bell, everyMs, signal }: Repetition,
  work: () => Promise<void>,
): Promise<void> {
  const wake = (): void => bell.ring();
  signal.addEventListener('abort', wake);
  while (!signal.aborted) {
    await work();
    await bell.wait(everyMs());
  }
  signal.removeEventListener('abort', wake);
}
