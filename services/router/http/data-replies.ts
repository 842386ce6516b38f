/** Writes replies of the data API: headers, JSON text, NDJSON streams, to clients of any speed. */
import { Readable } from 'node:stream';
import type { FastifyReply } from 'fastify';
import { problemOf } from '../../../shared/http/problem.ts';
import type { DataReply } from '../../../shared/ports/data-access.ts';
import type { RowMode } from '../core/reply-text.ts';
import { rowLines } from '../core/row-lines.ts';

/** What a reply needs of Fastify's, whatever schema its route has. */
export type AnyReply = Pick<FastifyReply, 'raw'> & {
  headers(values: Readonly<Record<string, string>>): unknown;
  send(payload: never): unknown;
};

export const streamType = 'application/x-ndjson';

/** Headers that say how the request was served; `position` carries the token. */
export function writeHeaders(
  reply: AnyReply,
  answer: DataReply,
  position: Readonly<Record<string, string>>,
): void {
  const headers: Record<string, string> = {
    'content-type': 'application/json; charset=utf-8',
    'cache-control': 'no-store',
    'meridian-region': answer.region,
    'meridian-served-by': answer.servedBy,
    'meridian-consistency': answer.consistency,
    ...position,
  };
  if (answer.stalenessMs !== null) {
    headers['meridian-staleness-ms'] = String(Math.ceil(answer.stalenessMs));
  }
  if (answer.durability !== null) {
    const { mode, regions } = answer.durability;
    headers['meridian-durability'] = `${mode}; regions=${regions}`;
  }
  reply.headers(headers);
}

/** Sends JSON text that is complete already: no serialiser touches its digits. */
export function sendText(reply: AnyReply, text: string): void {
  const plain: { send(payload: string): unknown } = reply;
  plain.send(text);
}

/** Sends the rows as lines, see core/row-lines.ts, as fast as the client takes them. */
export function sendLines(
  reply: AnyReply,
  answer: DataReply,
  asked: { readonly rowMode: RowMode; readonly requestId: string },
): void {
  reply.headers({ 'content-type': streamType });
  const plain: { send(payload: Readable): unknown } = reply;
  plain.send(Readable.from(linesOf(answer, asked)));
}

async function* linesOf(
  answer: DataReply,
  asked: { readonly rowMode: RowMode; readonly requestId: string },
) {
  const [result] = answer.results;
  try {
    if (result === undefined) return;
    const lines = rowLines(result, asked.rowMode);
    let rowCount = result.rows.length;
    yield lines.head + lines.rows(result.rows);
    try {
      for (let rows = await answer.rest?.next(); rows; rows = await answer.rest?.next()) {
        rowCount += rows.length;
        yield lines.rows(rows);
      }
      yield lines.end(rowCount);
    } catch (error) {
      yield lines.error(problemOf(error, asked.requestId));
    }
  } finally {
    answer.rest?.close();
  }
}

/**
 * Aborts when the client leaves before its reply is out. A client that does not take its reply
 * within `replyMs` is cut off: what is held for it would stay in memory.
 */
export function whenClosed(reply: AnyReply, replyMs: number): AbortSignal {
  const gone = new AbortController();
  const slow = setTimeout(() => reply.raw.destroy(), replyMs).unref();
  reply.raw.once('close', () => {
    clearTimeout(slow);
    if (!reply.raw.writableFinished) gone.abort();
  });
  return gone.signal;
}
