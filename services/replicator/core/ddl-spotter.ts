/**
 * Finds the transactions of a record that are applied on their own: those that carry captured DDL,
 * and those that say of an index what must be known here when a later one cannot be applied.
 */
import { messageTags, relationOidOf } from '../../../shared/core/pgoutput/pgoutput-message.ts';

const relations = ['meridian\0ddl\0', 'meridian\0broken_index\0'].map((name) =>
  [...name].map((character) => character.charCodeAt(0)),
);

/** Takes the transactions of one record in order; relation messages count for those after them. */
export class DdlSpotter {
  readonly #oids = new Set<number>();

  /** Whether `messages` insert into one of those tables. */
  spot(messages: readonly Uint8Array[]): boolean {
    let isFound = false;
    for (const message of messages) {
      if (message[0] === messageTags.relation) {
        if (isSpotted(message)) this.#oids.add(relationOidOf(message));
      } else if (this.#oids.size > 0 && message[0] === messageTags.insert) {
        isFound ||= this.#oids.has(relationOidOf(message));
      }
    }
    return isFound;
  }
}

function isSpotted(message: Uint8Array): boolean {
  return relations.some((name) => name.every((byte, index) => message[5 + index] === byte));
}
