/**
 * Short replies end together, behind what a turn of the event loop has read: who reads them is
 * woken once for all of them, and not in the middle of the turn. Most of what a proxied request
 * costs is that waking.
 */
import type { ServerResponse } from 'node:http';

interface Ending {
  readonly reply: ServerResponse;
  /** Latin1 text. */
  readonly body: string;
}

let endings: Ending[] = [];

/** Ends `reply` with its whole body in this turn. */
export function endJointly(reply: ServerResponse, body: string): void {
  if (endings.length === 0) setImmediate(endAll);
  endings.push({ reply, body });
}

function endAll(): void {
  const all = endings;
  endings = [];
  for (const { reply, body } of all) {
    // Its client has left in this very turn.
    if (!reply.destroyed) reply.end(body, 'latin1');
  }
}
