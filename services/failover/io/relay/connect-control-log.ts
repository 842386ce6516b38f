/** The control log as this region uses it, and as it lends it to regions that are cut off. */
import type { PeerClient } from '../../../../shared/http/peer-client.ts';
import { createControlLog } from '../../../../shared/kafka/control-log.ts';
import type { TopicTarget } from '../../../../shared/kafka/topic.ts';
import type { ControlLog, ControlRelay } from '../../../../shared/ports/control-log.ts';
import type { Peer } from '../watch/peer-reports.ts';
import { PeerLog } from './peer-log.ts';
import { RecentEntries } from './recent-entries.ts';
import { RelayedControlLog } from './relayed-control-log.ts';
import { createRelaySource } from './relay-source.ts';

export interface ControlLogSetup {
  readonly target: TopicTarget;
  readonly peers: readonly Peer[];
  readonly client: PeerClient;
  /** Throws while nothing may be written to the topic. */
  readonly checkUsable: (topic: string) => void;
}

export interface ControlConnection {
  readonly log: ControlLog;
  readonly relay: ControlRelay;
  close(): void;
}

export function connectControlLog(setup: ControlLogSetup): ControlConnection {
  const { target, client, checkUsable } = setup;
  const { clock, logger } = target;
  const connection = createControlLog(target);
  const own: ControlLog = {
    ...connection,
    append: async (record) => {
      checkUsable(target.topic);
      return connection.append(record);
    },
  };
  const recent = new RecentEntries();
  const peers = setup.peers.map((peer) => new PeerLog({ peer, client, clock }));
  const onEntry = recent.note.bind(recent);
  return {
    log: new RelayedControlLog({ own, peers, clock, logger, onEntry }),
    relay: createRelaySource(own, recent),
    close: () => connection.close(),
  };
}
