/**
 * `strongReads: quorum`: after a strong read began, every member says that it has not sealed beyond
 * the epoch. Asking all of them is never less than the |M| − Kf + 1 of DESIGN.md section 5.
 */
import type { ClusterView } from '../../../shared/core/cluster-view.ts';
import type { RegionId } from '../../../shared/core/region.ts';
import { MeridianError, messageOf } from '../../../shared/errors/meridian-error.ts';
import type { Clock } from '../../../shared/ports/clock.ts';
import type { ReplicationStatus } from '../../../shared/ports/replication-status.ts';
import type { NodePools } from './node-pools.ts';
import { runExchange } from './sql/exchange.ts';
import { lookStep, readLook } from './sql/node-look.ts';

/** A region's word on its promise. */
export interface SealedAnswer {
  /** Names the region's log: a member's word counts for its own store only. */
  readonly store: string | null;
  readonly sealedEpoch: number;
}

export interface QuorumCheckOptions {
  readonly clock: Clock;
  /** GET /peer/sealed of that region's router. */
  readonly ask: (region: RegionId, timeoutMs: number) => Promise<unknown>;
}

export class QuorumCheck {
  readonly #options: QuorumCheckOptions;

  constructor(options: QuorumCheckOptions) {
    this.#options = options;
  }

  /**
   * Throws LeaseExpired unless every member has answered that it is not sealed beyond the epoch.
   */
  async confirm(view: ClusterView, deadlineMs: number): Promise<void> {
    const { members, epoch } = view;
    if (members.length === 0 || members.length < view.k) {
      throw new MeridianError('LeaseExpired', 'Too few members can vouch for this primary.');
    }
    const leftMs = Math.max(1, deadlineMs - this.#options.clock.monotonicMs());
    await Promise.all(
      members.map(async ({ region, store }) => {
        const answer = await this.#options.ask(region, leftMs).catch((error: unknown) => {
          throw withheld(`${region} does not answer: ${messageOf(error)}`);
        });
        const word = parseSealed(answer);
        if (word === null || word.store !== store) throw withheld(`${region} has another log`);
        if (word.sealedEpoch > epoch) throw withheld(`${region} is sealed beyond the epoch`);
      }),
    );
  }
}

/** This region's word, read from its node after the question came. */
export async function sealedAnswer(
  view: ClusterView,
  of: { readonly pools: NodePools; readonly status: ReplicationStatus; readonly clock: Clock },
): Promise<SealedAnswer> {
  if (view.node === null) throw new MeridianError('ReplicaUnavailable', 'There is no node yet.');
  const lent = await of.pools.borrow(view.node, 'none', of.clock.monotonicMs() + 2000);
  try {
    const { results } = await runExchange(lent.client, [lookStep]);
    lent.giveBack('keep');
    const { sealedEpoch } = readLook(results[0]);
    return { store: of.status.report().store, sealedEpoch };
  } catch (error) {
    lent.giveBack('drop');
    throw new MeridianError('ReplicaUnavailable', 'The node does not answer.', {}, error);
  }
}

function parseSealed(body: unknown): SealedAnswer | null {
  if (typeof body !== 'object' || body === null) return null;
  const { store, sealedEpoch } = body as Record<string, unknown>;
  if (typeof store !== 'string' || typeof sealedEpoch !== 'number') return null;
  return { store, sealedEpoch };
}

function withheld(why: string): MeridianError {
  return new MeridianError('LeaseExpired', `The result is withheld: ${why}.`, {
    retryAfterMs: 200,
  });
}
