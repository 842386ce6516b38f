/** The other regions: the links to them, and what they say of themselves on links from them. */
import { regionOfConfig } from '../../../../shared/config/cluster-schema.ts';
import type { Position } from '../../../../shared/core/position.ts';
import type { RegionId } from '../../../../shared/core/region.ts';
import type { PeerStatus } from '../../../../shared/core/replication-report.ts';
import type { Clock } from '../../../../shared/ports/clock.ts';
import type { Acknowledgement } from '../../core/quorum-tracker.ts';
import type { ReplicatorDependencies } from '../dependencies.ts';
import { PeerLink } from '../region-link.ts';

export type PeerTableDependencies = Pick<
  ReplicatorDependencies,
  'config' | 'secrets' | 'cluster' | 'region' | 'clock' | 'logger'
>;

interface PeerFacts {
  store: string | null;
  applied: Position | null;
  ackedAtMs: number;
  heardAtMs: number;
}

/** How far a region has come, and when it said that. */
export interface PeerAcknowledgement {
  readonly region: RegionId;
  readonly isConnected: boolean;
  readonly applied: Position | null;
  readonly ackedAtMs: number;
}

export class PeerTable {
  readonly links = new Map<RegionId, PeerLink>();
  readonly #facts = new Map<RegionId, PeerFacts>();
  readonly #clock: Clock;

  constructor(deps: PeerTableDependencies) {
    this.#clock = deps.clock;
    const heardAtMs = this.#clock.monotonicMs();
    for (const { id } of deps.cluster.regions.filter((other) => other.id !== deps.region)) {
      this.links.set(id, linkTo(id, deps));
      this.#facts.set(id, { store: null, applied: null, ackedAtMs: -Infinity, heardAtMs });
    }
  }

  /**
   * A new link: what `peer` acknowledged on an older one may have been on data that it lost since;
   * it says anew what it has.
   */
  connect(peer: RegionId): void {
    const facts = this.#facts.get(peer);
    if (facts === undefined) return;
    facts.store = null;
    facts.applied = null;
  }

  acknowledge(peer: RegionId, acknowledgement: Acknowledgement): void {
    const facts = this.#facts.get(peer);
    if (facts === undefined) return;
    facts.store = acknowledgement.store;
    facts.applied = acknowledgement.applied;
    facts.ackedAtMs = this.#clock.monotonicMs();
  }

  /** A frame came from `peer`. */
  hear(peer: RegionId): void {
    const facts = this.#facts.get(peer);
    if (facts !== undefined) facts.heardAtMs = this.#clock.monotonicMs();
  }

  acknowledgements(isInbound: (peer: RegionId) => boolean): PeerAcknowledgement[] {
    return [...this.#facts].map(([region, { applied, ackedAtMs }]) => {
      return { region, isConnected: isInbound(region), applied, ackedAtMs };
    });
  }

  statuses(isInbound: (peer: RegionId) => boolean): PeerStatus[] {
    return [...this.links].map(([region, link]) => {
      const facts = this.#facts.get(region);
      return {
        region,
        isConnected: link.isConnected || isInbound(region),
        store: facts?.store ?? null,
        applied: facts?.applied ?? null,
        heardAtMs: Math.max(facts?.heardAtMs ?? 0, link.heardAtMs),
      };
    });
  }
}

function linkTo(peer: RegionId, deps: PeerTableDependencies): PeerLink {
  const { cluster, region, secrets, config, clock, logger } = deps;
  const other = regionOfConfig(cluster, peer);
  const split = other.processes.find(({ services }) => services.includes('replicator'));
  const { peer: port } = split?.listeners ?? other.listeners;
  const { creditBytes, heartbeatIntervalMs } = config;
  return new PeerLink({
    ...{ peer, region, port, host: other.host, clock, logger, creditBytes, heartbeatIntervalMs },
    clusterId: cluster.clusterId,
    peerKeys: secrets.shared.peerKeys,
  });
}
