/** Looks from time to time where the control log's leader is, and moves it where the core says. */
import type { RegionId } from '../../../../shared/core/region.ts';
import { messageOf } from '../../../../shared/errors/meridian-error.ts';
import { moveLeader } from '../../../../shared/kafka/leadership.ts';
import { describePlacement, type QuorumTarget } from '../../../../shared/kafka/quorum.ts';
import type { Logger } from '../../../../shared/logging/logger.ts';
import { sleep } from '../../../../shared/runtime/sleep.ts';
import type { ControllerState } from '../../core/controller-state.ts';
import { betterLogLeader } from '../../core/relay/log-leader.ts';

export interface LogLeaderOptions {
  readonly topic: string;
  /** The own broker, asked as one broker asks another. */
  readonly target: QuorumTarget;
  readonly nodes: ReadonlyMap<number, RegionId>;
  readonly logger: Logger;
  readonly everyMs?: number;
}

/** Distances hardly change; after a failover the lost broker must be back first. */
const lookEveryMs = 10_000;

export async function keepLogLeader(
  options: LogLeaderOptions,
  state: () => ControllerState,
  signal: AbortSignal,
): Promise<void> {
  while (!signal.aborted) {
    await sleep(options.everyMs ?? lookEveryMs, signal);
    if (signal.aborted || state().role !== 'primary') continue;
    try {
      await look(options, state);
    } catch (error) {
      options.logger.debug({ why: messageOf(error) }, 'the control log leads where it does');
    }
  }
}

async function look(
  { topic, target, nodes, logger }: LogLeaderOptions,
  state: () => ControllerState,
): Promise<void> {
  const { leader, replicas, inSync } = await describePlacement(target, topic);
  const [leading] = regionsOf(nodes, [leader]);
  const holders = regionsOf(nodes, replicas);
  if (leading === undefined || holders.length < replicas.length) return;
  const placement = { leader: leading, holders, inSync: regionsOf(nodes, inSync) };
  const move = betterLogLeader(state(), placement);
  const nodeId = replicas.find((id) => nodes.get(id) === move?.to);
  if (move === null || nodeId === undefined) return;
  const { to, why } = move;
  logger.info({ from: leading, to, why }, 'the leader of the control log is moved');
  await moveLeader(target, topic, { nodeId, replicas });
}

function regionsOf(nodes: ReadonlyMap<number, RegionId>, ids: readonly number[]): RegionId[] {
  return ids.flatMap((id) => nodes.get(id) ?? []);
}
