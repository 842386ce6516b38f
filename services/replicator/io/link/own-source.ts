/** What this region serves over region links: its own log and the newest records in memory. */
import type { ReplicatorDependencies } from '../dependencies.ts';
import type { OwnLog } from '../own-log.ts';
import type { LinkSource } from './link-session.ts';

export function ownSource(
  deps: ReplicatorDependencies,
  ownLog: OwnLog,
  listeners: Pick<LinkSource, 'onConnected' | 'onAcknowledged' | 'onHeard'>,
): LinkSource {
  const { region, dataLog, clock, config, regionControl } = deps;
  return {
    ...{ region, log: dataLog, clock, heartbeatIntervalMs: config.heartbeatIntervalMs },
    feed: () => ownLog.feed,
    offsetAfter: (position, signal) => ownLog.offsetAfter(position, signal),
    cuts: () => {
      const { history, epoch } = regionControl.view();
      return { history, uptoEpoch: epoch };
    },
    ...listeners,
  };
}
