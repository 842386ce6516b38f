/** Finds the transactions of a record that carry captured DDL: each is applied on its own. */
import { messageTags, relationOidOf } from '../../../shared/core/pgoutput/pgoutput-message.ts';

const ddlRelation = [...'meridian\0ddl\0'].map((character) => character.charCodeAt(0));

/** Takes the transactions of one record in order; relation messages count for those after them. */
export class DdlSpotter {
  readonly #oids = new Set<number>();

  /** Whether `messages` insert into meridian.ddl. */
  spot(messages: readonly Uint8Array[]): boolean {
    let isFound = false;
    for (const message of messages) {
      if (message[0] === messageTags.relation) {
        if (isDdlRelation(message)) this.#oids.add(relationOidOf(message));
      } else if (this.#oids.size > 0 && message[0] === messageTags.insert) {
        isFound ||= this.#oids.has(relationOidOf(message));
      }
    }
    return isFound;
  }
}

function isDdlRelation(message: Uint8Array): boolean {
  return ddlRelation.every((byte, index) => message[5 + index] === byte);
}
