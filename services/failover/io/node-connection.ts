/**
 * One connection of Meridian's superuser to the region's own node, made when it is needed. Every
 * piece of work has a bound: a node that does not answer costs it and the connection.
 */
import { connectPg, ownSessionOptions, type PgClient } from '../../../shared/pg/client.ts';
import { withDeadline } from '../../../shared/runtime/sleep.ts';

export interface NodePlace {
  readonly host: string;
  readonly port: number;
}

export interface NodeAccess {
  readonly database: string;
  readonly password: string;
}

/** Works beside a closed login guard, never waits for a standby, and prints times in one form. */
const sessionOptions =
  `${ownSessionOptions} -c event_triggers=off -c timezone=UTC -c datestyle=ISO` +
  ' -c statement_timeout=4500 -c lock_timeout=4000 -c idle_in_transaction_session_timeout=10000';

/** A connection, or one that is being made. */
interface Held {
  readonly place: NodePlace;
  readonly client: Promise<PgClient>;
}

export class NodeConnection {
  readonly #access: NodeAccess;
  readonly #applicationName: string;
  readonly #onLost: () => void;
  #held: Held | null = null;

  constructor(access: NodeAccess, applicationName: string, onLost: () => void = () => undefined) {
    this.#access = access;
    this.#applicationName = applicationName;
    this.#onLost = onLost;
  }

  /** Runs `work` within `boundMs`; after a failure the next work begins with a new connection. */
  async run<T>(
    place: NodePlace,
    boundMs: number,
    work: (client: PgClient) => Promise<T>,
  ): Promise<T> {
    const held = this.#heldTo(place, boundMs);
    try {
      const running = held.client.then(work);
      running.catch(() => undefined);
      return await withDeadline(running, boundMs, () => {
        return new Error(`${place.host}:${place.port} did not answer within ${boundMs} ms`);
      });
    } catch (error) {
      // Another may be there by now, which this failure says nothing of.
      if (this.#held === held) this.close();
      throw error;
    }
  }

  close(): void {
    const held = this.#held;
    this.#held = null;
    held?.client.then(endAtOnce, () => undefined);
  }

  #heldTo(place: NodePlace, boundMs: number): Held {
    const known = this.#held;
    if (known?.place.host === place.host && known.place.port === place.port) return known;
    this.close();
    const held: Held = { place, client: this.#open(place, boundMs) };
    this.#held = held;
    const onEnd = (): void => {
      if (this.#held === held) this.#held = null;
      this.#onLost();
    };
    held.client.then(
      (client) => client.once('end', onEnd),
      () => undefined,
    );
    return held;
  }

  #open(place: NodePlace, boundMs: number): Promise<PgClient> {
    return connectPg({
      ...place,
      database: this.#access.database,
      user: 'meridian_owner',
      password: this.#access.password,
      applicationName: this.#applicationName,
      options: sessionOptions,
      connectTimeoutMs: boundMs,
    });
  }
}

/** An orderly end waits for the server, which may be frozen. */
export function endAtOnce(client: PgClient): void {
  client.removeAllListeners('end');
  void client.end().catch(() => undefined);
  client.connection.stream.destroy();
}

/** The columns of the only row of `sql`; throws when there is none. */
export async function onlyRow(
  client: PgClient,
  sql: string,
  values: readonly unknown[] = [],
): Promise<Readonly<Record<string, string | null>>> {
  const { rows } = await client.query<Record<string, string | null>>(sql, [...values]);
  if (rows[0] === undefined) throw new Error('the node answered no row');
  return rows[0];
}

/** Runs `work` in one transaction. */
export async function inTransaction<T>(client: PgClient, work: () => Promise<T>): Promise<T> {
  await client.query('BEGIN');
  try {
    const result = await work();
    await client.query('COMMIT');
    return result;
  } catch (error) {
    await client.query('ROLLBACK').catch(() => undefined);
    throw error;
  }
}
