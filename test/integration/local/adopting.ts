/** A region's nodes that adopt a database, and clients that write into it meanwhile. */
import assert from 'node:assert/strict';
import pg from 'pg';
import {
  writeAdoption,
  type AdoptionSource,
} from '../../../services/local/postgres/adoption-source.ts';
import { RegionNodes } from '../../../services/local/postgres/region-nodes.ts';
import type { RegionContext } from '../../../services/local/region-context.ts';
import type { NodeId } from '../../../shared/core/node.ts';
import { eventually } from '../../helpers/eventually.ts';
import { oldPassword, type OldServer } from '../deploy/old-server.ts';

export interface Adopting {
  readonly context: RegionContext;
  readonly nodes: RegionNodes;
  readonly id: NodeId;
  /** Of the operation that makes the region's first data. */
  readonly done: Promise<void>;
}

/** Resolves when the copy follows `old`, which is dialled at `place`. */
export async function follow(
  context: RegionContext,
  old: OldServer,
  place: Pick<AdoptionSource, 'host' | 'tls'> = { host: old.host },
): Promise<Adopting> {
  const user = { database: 'app', user: 'postgres', password: oldPassword };
  await writeAdoption(context.paths, { ...place, port: old.port, ...user });
  const nodes = new RegionNodes(context);
  const id = nodes.idOf('pg-1');
  assert.throws(() => nodes.takeOver(id), /No copy follows/);
  const done = nodes.initialise(id);
  done.catch(() => undefined);
  await eventually(() => nodes.stateOf(id).adoption?.phase === 'following', { deadlineMs: 60_000 });
  return { context, nodes, id, done };
}

export interface Writer {
  /** Numbers whose INSERT was answered. */
  readonly written: number[];
  stop(): Promise<void>;
}

/** Writes `first`, `first + step` … as fast as it can; connects again when it is thrown out. */
export function startWriter(old: OldServer, first: number, step: number): Writer {
  const written: number[] = [];
  const ending = new AbortController();
  const { host, port } = old;
  const ssl = { ca: old.tls.authority };
  const target = { host, port, database: 'app', user: 'shop', password: oldPassword, ssl };
  const run = async (): Promise<void> => {
    let client: pg.Client | null = null;
    for (let n = first; !ending.signal.aborted; n += step) {
      try {
        if (client === null) {
          client = new pg.Client(target);
          client.on('error', () => undefined);
          await client.connect();
        }
        await client.query('INSERT INTO beat VALUES ($1)', [n]);
        written.push(n);
      } catch {
        void client?.end().catch(() => undefined);
        client = null;
        await new Promise((resolve) => setImmediate(resolve));
      }
    }
    await client?.end().catch(() => undefined);
  };
  const ended = run();
  return {
    written,
    async stop() {
      ending.abort();
      await ended;
    },
  };
}
