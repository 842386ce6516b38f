/** Tells the other regions of a record beside its way through the control log; nobody waits. */
import { encodeControlRecord } from '../../../../shared/core/control/control-record-codec.ts';
import type { ControlRecord } from '../../../../shared/core/control/control-record.ts';
import type { PeerClient } from '../../../../shared/http/peer-client.ts';
import { isAnnounced } from '../../core/relay/announcement.ts';
import type { Peer } from '../watch/peer-reports.ts';

export const announcementPath = '/peer/announcement';

const timeoutMs = 1000;
/** A region that does not answer is not sent more meanwhile. */
const underWayMax = 4;

export class Announcer {
  readonly #peers: readonly Peer[];
  readonly #client: PeerClient;
  readonly #underWay = new Map<Peer, number>();

  constructor(peers: readonly Peer[], client: PeerClient) {
    this.#peers = peers;
    this.#client = client;
  }

  /** To be called before `record` is appended. */
  tell(record: ControlRecord): void {
    if (!isAnnounced(record)) return;
    const body = { record: encodeControlRecord(record) };
    for (const peer of this.#peers) void this.#send(peer, body);
  }

  async #send(peer: Peer, body: { readonly record: string }): Promise<void> {
    const underWay = this.#underWay.get(peer) ?? 0;
    if (underWay >= underWayMax) return;
    this.#underWay.set(peer, underWay + 1);
    const call = { method: 'POST', path: announcementPath, body, timeoutMs } as const;
    await this.#client.request(peer.origin, call).catch(() => undefined);
    this.#underWay.set(peer, (this.#underWay.get(peer) ?? 1) - 1);
  }
}
