/** One try to open a WebSocket at an upstream: its 101 and socket, or whatever else it answers. */
import type { Duplex } from 'node:stream';
import type { Dispatcher } from 'undici';
import type { ReplyHeaders } from '../core/header-rules.ts';
import type { OutgoingRequest, UpstreamClient } from './upstream-client.ts';

export type UpgradeOutcome =
  | { readonly kind: 'upgraded'; readonly headers: ReplyHeaders; readonly socket: Duplex }
  | {
      readonly kind: 'answered';
      readonly status: number;
      readonly headers: ReplyHeaders;
      readonly body: Buffer;
    }
  | { readonly kind: 'failed'; readonly error: Error };

/** A refusal's body is cut behind this many bytes. */
const bodyBytesMax = 65_536;

/** Never rejects; `signal` ends the try. */
export function tryUpgrade(
  client: UpstreamClient,
  request: OutgoingRequest,
  signal: AbortSignal,
): Promise<UpgradeOutcome> {
  return new Promise((resolve) => {
    let answer: { status: number; headers: ReplyHeaders } | null = null;
    const chunks: Buffer[] = [];
    let bytes = 0;
    const handler: Dispatcher.DispatchHandler = {
      onRequestStart(controller) {
        const abort = (): void => controller.abort(signal.reason as Error);
        if (signal.aborted) abort();
        else signal.addEventListener('abort', abort, { once: true });
      },
      onRequestUpgrade(...[, , headers, socket]) {
        resolve({ kind: 'upgraded', headers, socket });
      },
      onResponseStart(_, status, headers) {
        if (status >= 200) answer = { status, headers };
      },
      onResponseData(_, chunk) {
        if (bytes < bodyBytesMax) chunks.push(chunk);
        bytes += chunk.length;
      },
      onResponseEnd() {
        const body = Buffer.concat(chunks);
        if (answer !== null) resolve({ kind: 'answered', ...answer, body });
        else resolve({ kind: 'failed', error: new Error('The upstream has not answered.') });
      },
      onResponseError(_, error) {
        resolve({ kind: 'failed', error });
      },
    };
    client.send({ ...request, upgrade: 'websocket' }, handler);
  });
}
