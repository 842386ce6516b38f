/**
 * The summary of the own log in `meridian_local.log_summary` of the region's own node. A node that
 * was made from another region's, or anew, has none that fits: the log is then read as a whole.
 */
import { ownSessionOptions, withPg } from '../../../../shared/pg/client.ts';
import type { NodeTarget } from '../node-target.ts';

const session = {
  applicationName: 'meridian log summary',
  options: `${ownSessionOptions} -c statement_timeout=5s`,
};

/** What a start finds and retention leaves. */
export interface SummaryStore {
  read(): Promise<string | null>;
  write(summary: string): Promise<void>;
}

/** In the node that `node` names; it throws while there is none. */
export function summaryRow(node: () => NodeTarget): SummaryStore {
  return {
    read: () =>
      withPg({ ...node(), ...session }, async (client) => {
        const { rows } = await client.query<{ summary: string }>(
          'SELECT summary FROM meridian_local.log_summary',
        );
        return rows[0]?.summary ?? null;
      }),
    write: (summary) =>
      withPg({ ...node(), ...session }, async (client) => {
        await client.query(
          `INSERT INTO meridian_local.log_summary (summary) VALUES ($1)
           ON CONFLICT (one_row) DO UPDATE SET summary = excluded.summary,
             written_at = clock_timestamp()`,
          [summary],
        );
      }),
  };
}
