/** The control log as this region uses it, and as it lends it to regions that are cut off. */
import type { PeerClient } from '../../../../shared/http/peer-client.ts';
import type { LogOffset } from '../../../../shared/core/log-offset.ts';
import type { RegionId } from '../../../../shared/core/region.ts';
import { answersNow } from '../../../../shared/kafka/broker-answer.ts';
import { createControlLog } from '../../../../shared/kafka/control-log.ts';
import { describeMajority, type BrokerHeard } from '../../core/detection/majority.ts';
import type { TopicTarget } from '../../../../shared/kafka/topic.ts';
import type {
  ControlEntry,
  ControlLog,
  ControlRelay,
} from '../../../../shared/ports/control-log.ts';
import type { Peer } from '../watch/peer-reports.ts';
import { Announcer } from './announcer.ts';
import { PeerLog } from './peer-log.ts';
import { RecentEntries } from './recent-entries.ts';
import { RelayedControlLog } from './relayed-control-log.ts';
import { createRelaySource } from './relay-source.ts';

export interface ControlVoter {
  readonly region: RegionId;
  /** `host:port`. */
  readonly address: string;
}

export interface ControlLogSetup {
  readonly target: TopicTarget;
  readonly voters: readonly ControlVoter[];
  readonly peers: readonly Peer[];
  readonly client: PeerClient;
  /** Throws while nothing may be written to the topic. */
  readonly checkUsable: (topic: string) => void;
}

/** What the checkpoint says of the control log. */
export interface KnownLog {
  readonly id: string | null;
  /** No record of it has been read anywhere. */
  readonly isNew: boolean;
}

export interface ControlConnection {
  readonly log: ControlLog;
  readonly relay: ControlRelay;
  /** The first offset held; rejects when no broker answers. */
  begins(): Promise<LogOffset>;
  /** Which log it is: Kafka's id of its topic; null while it is not known. */
  id(): string | null;
  expect(log: KnownLog): void;
  /** Whether the log may be made where it is missing; null while it is not known. */
  mayBeMade(): boolean | null;
  /** Why nothing can be decided now, in words; null while it can. */
  problem(): Promise<string | null>;
  close(): void;
}

/** Renewals come more often: after so long without an entry the brokers are asked. */
const quietMs = 2000;

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
  const id = (): string | null => connection.id();
  const peers = setup.peers.map((peer) => new PeerLog({ peer, client, clock, logId: id }));
  let known: KnownLog | null = null;
  let entryAtMs = clock.monotonicMs();
  const onEntry = (entry: ControlEntry): void => {
    entryAtMs = clock.monotonicMs();
    recent.note(entry);
  };
  const relayed = new RelayedControlLog({ own, peers, clock, logger, onEntry });
  const announcer = new Announcer(setup.peers, client);
  const log: ControlLog = {
    append(record) {
      announcer.tell(record);
      return relayed.append(record);
    },
    read: (offset, signal) => relayed.read(offset, signal),
    lastHeardMs: () => relayed.lastHeardMs(),
  };
  return {
    log,
    relay: createRelaySource(own, recent, id),
    begins: () => connection.begins(),
    id,
    expect(found) {
      known = found;
      if (found.id !== null) connection.expect(found.id);
    },
    mayBeMade: () => (known === null ? null : known.isNew && id() === null),
    async problem() {
      if (clock.monotonicMs() - entryAtMs < quietMs) return null;
      return describeMajority(await Promise.all(setup.voters.map((one) => asked(one, target))));
    },
    close: () => connection.close(),
  };
}

async function asked({ region, address }: ControlVoter, target: TopicTarget): Promise<BrokerHeard> {
  const { clientId, clock } = target;
  return { region, isAnswering: await answersNow({ address, clientId, clock }) };
}
