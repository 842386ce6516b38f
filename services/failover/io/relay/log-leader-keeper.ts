/**
 * Looks from time to time who holds and leads the control log, and changes what the core says; at
 * once when the log stalls.
 */
import type { RegionId } from '../../../../shared/core/region.ts';
import { messageOf } from '../../../../shared/errors/meridian-error.ts';
import { BrokerLine } from '../../../../shared/kafka/broker-line.ts';
import { moveLeader } from '../../../../shared/kafka/leadership.ts';
import {
  accessAsBroker,
  describePlacement,
  placeReplicas,
  placeReplicasOver,
  placementOver,
  type Placement,
  type QuorumTarget,
} from '../../../../shared/kafka/quorum.ts';
import type { Logger } from '../../../../shared/logging/logger.ts';
import type { Clock } from '../../../../shared/ports/clock.ts';
import { sleep, withDeadline } from '../../../../shared/runtime/sleep.ts';
import type { ControllerState } from '../../core/controller-state.ts';
import {
  askedForHolders,
  betterLogLeader,
  holdersInReach,
  isLogStalled,
  missingHolder,
  steadyPlacement,
  type LogPlacement,
  type SteadyPlacement,
} from '../../core/relay/log-leader.ts';

export interface LogBroker {
  readonly nodeId: number;
  readonly region: RegionId;
  readonly isVoter: boolean;
  readonly target: QuorumTarget;
}

export interface LogLeaderOptions {
  readonly topic: string;
  /** The own broker, asked as one broker asks another. */
  readonly target: QuorumTarget;
  readonly brokers: readonly LogBroker[];
  readonly nodes: ReadonlyMap<number, RegionId>;
  /** How many copies the control log has while nothing is lost. */
  readonly copies: number;
  readonly logger: Logger;
  readonly clock: Clock;
  readonly everyMs?: number;
}

interface Asked extends LogBroker {
  readonly line: BrokerLine;
  /** Null where the broker does not answer. */
  readonly placement: Placement | null;
}

/** Distances hardly change; after a failover the lost broker must be back first. */
const lookEveryMs = 10_000;
const watchEveryMs = 250;
/** Bound of one question over a warm connection. */
const reachMs = 1000;
/** A change waits in the broker until there is an active controller. */
const requestTimeoutMs = 5000;

export async function keepLogLeader(
  options: LogLeaderOptions,
  state: () => ControllerState,
  signal: AbortSignal,
): Promise<void> {
  const keeper = new LogLeaderKeeper(options, state);
  signal.addEventListener('abort', () => keeper.close(), { once: true });
  await Promise.all([
    every(options.everyMs ?? lookEveryMs, signal, () => keeper.look()),
    every(watchEveryMs, signal, () => keeper.watch()),
  ]);
}

async function every(ms: number, signal: AbortSignal, act: () => Promise<void>): Promise<void> {
  while (!signal.aborted) {
    await sleep(ms, signal);
    if (!signal.aborted) await act();
  }
}

class LogLeaderKeeper {
  readonly #options: LogLeaderOptions;
  readonly #state: () => ControllerState;
  readonly #lines: ReadonlyMap<number, BrokerLine>;
  #steady: SteadyPlacement | null = null;

  constructor(options: LogLeaderOptions, state: () => ControllerState) {
    this.#options = options;
    this.#state = state;
    this.#lines = new Map(
      options.brokers.map(({ nodeId, target }) => [nodeId, lineTo(target, options.clock)]),
    );
  }

  async look(): Promise<void> {
    for (const line of this.#lines.values()) void line.open();
    if (this.#state().role !== 'primary') {
      this.#steady = null;
      return;
    }
    await this.#improve().catch((error: unknown) => this.#note(error));
  }

  /**
   * All brokers are asked at once how they see it. What is lost is asked for again at once: as a
   * copy that is not in sync, nothing waits for it.
   */
  async watch(): Promise<void> {
    if (!isLogStalled(this.#state())) return;
    this.#steady = null;
    const { brokers, nodes, logger } = this.#options;
    const asked = await Promise.all(brokers.map((broker) => this.#ask(broker)));
    const reached = asked.filter(({ placement }) => placement !== null);
    const found = reached
      .flatMap(({ placement }) => placement ?? [])
      .toSorted((a, b) => b.leaderEpoch - a.leaderEpoch)[0];
    const placement = found === undefined ? null : this.#named(found);
    if (found === undefined || placement === null) return;
    const inReach = reached.map(({ region }) => region);
    const rest = holdersInReach(this.#state(), placement, inReach);
    if (rest === null) return;
    logger.warn(
      { holders: placement.holders, rest },
      'the control log stalls: it is held without the brokers that do not answer',
    );
    const left = found.replicas.filter((id) => rest.some((region) => nodes.get(id) === region));
    const lost = found.replicas.filter((id) => !left.includes(id));
    const through = askedForHolders(this.#state(), inReach);
    const lines = reached.filter(({ region }) => through.includes(region)).map(({ line }) => line);
    const changed = await Promise.all(lines.map((line) => this.#place(line, left)));
    const line = changed.find((one) => one !== null);
    if (line !== undefined) await this.#place(line, [...left, ...lost]);
  }

  close(): void {
    for (const line of this.#lines.values()) line.close();
  }

  async #improve(): Promise<void> {
    const { topic, target, brokers, copies, nodes, logger } = this.#options;
    const found = await describePlacement(target, topic);
    const placement = this.#named(found);
    if (placement === null) return;
    this.#steady = steadyPlacement(this.#steady, placement, this.#state().nowMs);
    const voters = brokers.filter(({ isVoter }) => isVoter).map(({ region }) => region);
    const missing = missingHolder(this.#state(), placement, { voters, copies });
    const back = brokers.find(({ region }) => region === missing);
    if (back !== undefined) {
      await describePlacement(back.target, topic);
      logger.info({ region: missing }, 'the control log gets its copy back');
      await placeReplicas(target, topic, [...found.replicas, back.nodeId]);
      return;
    }
    const move = betterLogLeader(this.#state(), this.#steady);
    const nodeId = found.replicas.find((id) => nodes.get(id) === move?.to);
    if (move === null || nodeId === undefined) return;
    const { to, why } = move;
    logger.info({ from: placement.leader, to, why }, 'the leader of the control log is moved');
    await moveLeader(target, topic, { nodeId, replicas: found.replicas });
  }

  async #ask(broker: LogBroker): Promise<Asked> {
    const line = this.#lines.get(broker.nodeId) ?? lineTo(broker.target, this.#options.clock);
    const answer = line.open().then(async (connection) => {
      if (connection === null) return null;
      return placementOver(connection, this.#options.topic);
    });
    const late = (): Error => new Error(`${broker.region} does not answer`);
    const placement = await withDeadline(answer, reachMs, late).catch(() => {
      line.drop();
      return null;
    });
    return { ...broker, line, placement };
  }

  /** `line`, if the broker at its end has had the log held by `replicas`; else null. */
  async #place(line: BrokerLine, replicas: readonly number[]): Promise<BrokerLine | null> {
    const { connected } = line;
    if (connected === null) return null;
    try {
      await placeReplicasOver(connected, this.#options.topic, replicas);
      return line;
    } catch (error) {
      this.#note(error);
      line.drop();
      return null;
    }
  }

  /** Null while nobody leads, or where a broker is of no region that is known. */
  #named(found: Placement): LogPlacement | null {
    const { nodes } = this.#options;
    const named = (ids: readonly number[]): RegionId[] => ids.flatMap((id) => nodes.get(id) ?? []);
    const [leader] = named([found.leader]);
    const holders = named(found.replicas);
    if (leader === undefined || holders.length < found.replicas.length) return null;
    return { leader, holders, inSync: named(found.inSync), leaderEpoch: found.leaderEpoch };
  }

  #note(error: unknown): void {
    this.#options.logger.debug({ why: messageOf(error) }, 'the control log is held as it was');
  }
}

function lineTo({ host, port, clientId, tls }: QuorumTarget, clock: Clock): BrokerLine {
  const bounds = { connectTimeoutMs: reachMs, requestTimeoutMs, access: accessAsBroker(tls) };
  return new BrokerLine(`${host}:${String(port)}`, { clientId, clock, ...bounds });
}
