/** How far the region's standbys have replayed: shown to people, nothing is decided on it. */
import { parseEpoch } from '../../../../shared/core/epoch.ts';
import type { ClusterView, NodeReport } from '../../../../shared/core/cluster-view.ts';
import { parseLsn, type Lsn } from '../../../../shared/core/lsn.ts';
import type { NodeId } from '../../../../shared/core/node.ts';
import type { NodeState } from '../../../../shared/core/node-state.ts';
import { isAtOrPast, type Position } from '../../../../shared/core/position.ts';
import { sleep } from '../../../../shared/runtime/sleep.ts';
import { NodeConnection, onlyRow, type NodeAccess } from '../node-connection.ts';

interface StandbyFacts {
  readonly replayed: Lsn;
  /** The progress row as it has been replayed. */
  readonly progress: Position | null;
}

const everyMs = 1000;
const boundMs = 1000;

export class StandbyWatch {
  readonly #access: NodeAccess;
  readonly #nodes: () => readonly NodeState[];
  readonly #connections = new Map<NodeId, NodeConnection>();
  readonly #facts = new Map<NodeId, StandbyFacts>();

  constructor(access: NodeAccess, nodes: () => readonly NodeState[]) {
    this.#access = access;
    this.#nodes = nodes;
  }

  async run(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      await Promise.all(this.#nodes().map((node) => this.#ask(node)));
      await sleep(everyMs, signal);
    }
    for (const connection of this.#connections.values()) connection.close();
  }

  /** `report` of a standby with the position it has replayed to. */
  completed(report: NodeReport, view: ClusterView): NodeReport {
    const facts = this.#facts.get(report.id);
    if (report.kind !== 'standby' || report.position !== null || facts === undefined) return report;
    const own = view.reports.find(({ id }) => id === view.region)?.position ?? null;
    return { ...report, position: standbyPosition(facts, own, view) };
  }

  async #ask(node: NodeState): Promise<void> {
    if (node.mode !== 'standby' || node.process !== 'running') {
      this.#facts.delete(node.id);
      return;
    }
    const connection =
      this.#connections.get(node.id) ?? new NodeConnection(this.#access, 'meridian-standby-watch');
    this.#connections.set(node.id, connection);
    const place = { host: node.host, port: node.port };
    const facts = await connection.run(place, boundMs, readFacts).catch(() => null);
    if (facts === null) this.#facts.delete(node.id);
    else this.#facts.set(node.id, facts);
  }
}

async function readFacts(client: Parameters<typeof onlyRow>[0]): Promise<StandbyFacts | null> {
  const row = await onlyRow(
    client,
    `SELECT pg_last_wal_replay_lsn()::text AS replayed, p.epoch::text, p.end_lsn::text
     FROM (SELECT) AS one LEFT JOIN meridian_local.progress p ON true`,
  );
  const replayed = parseLsn(row['replayed'] ?? '');
  const epoch = parseEpoch(Number(row['epoch'] ?? Number.NaN));
  const endLsn = parseLsn(row['end_lsn'] ?? '');
  const progress = epoch === null || endLsn === null ? null : { epoch, endLsn };
  return replayed === null ? null : { replayed, progress };
}

/**
 * On the primary's standbys the WAL replayed, but no further than the last transaction; elsewhere
 * the progress row (DESIGN.md section 6).
 */
function standbyPosition(
  { replayed, progress }: StandbyFacts,
  own: Position | null,
  { role, epoch }: ClusterView,
): Position | null {
  if (role !== 'primary') return progress;
  const reached = { epoch, endLsn: replayed };
  return own !== null && isAtOrPast(reached, own) ? own : reached;
}
