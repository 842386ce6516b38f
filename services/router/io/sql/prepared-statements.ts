/**
 * Which statements a connection has parsed under a name: the router's own, for good, and those of
 * callers that come often, as many as fit. Only names are kept here; exchanges send the messages.
 */

export interface NameUse {
  readonly name: string;
  /** It has to be parsed first. */
  readonly isNew: boolean;
  /** Names to be closed before: nobody uses them any more. */
  readonly drop: readonly string[];
}

/** Plans of callers' statements that one connection keeps. */
const callersMax = 100;

export class PreparedStatements {
  readonly #own = new Map<string, string>();
  /** Used last comes last. */
  readonly #callers = new Map<string, string>();
  #forgotten: string[] = [];
  #made = 0;

  /** The name for `sql`; `isOwn`: a constant text of the router. */
  use(sql: string, isOwn: boolean): NameUse {
    const names = isOwn ? this.#own : this.#callers;
    const known = names.get(sql);
    if (known !== undefined) {
      if (!isOwn) {
        names.delete(sql);
        names.set(sql, known);
      }
      return { name: known, isNew: false, drop: this.#forgotten.splice(0) };
    }
    this.#made += 1;
    const name = `m${this.#made}`;
    names.set(sql, name);
    const oldest = this.#callers.keys().next();
    if (this.#callers.size > callersMax && oldest.done !== true) this.forget(oldest.value);
    return { name, isNew: true, drop: this.#forgotten.splice(0) };
  }

  /** It is parsed anew when it comes again. */
  forget(sql: string): void {
    for (const names of [this.#own, this.#callers]) {
      const name = names.get(sql);
      if (name === undefined) continue;
      this.#forgotten.push(name);
      names.delete(sql);
    }
  }
}

const ofClients = new WeakMap<object, PreparedStatements>();

/** What the connection of `client` has parsed. */
export function preparedOf(client: object): PreparedStatements {
  const known = ofClients.get(client) ?? new PreparedStatements();
  ofClients.set(client, known);
  return known;
}

/** The connection has forgotten everything: DISCARD ALL. */
export function forgetPrepared(client: object): void {
  ofClients.delete(client);
}
