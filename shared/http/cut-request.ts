/** Ends a request whose body is not waited for any more, by HTTP/1.1 with its connection. */
import type { IncomingMessage } from 'node:http';
import { constants, type ServerHttp2Stream } from 'node:http2';

/** Other requests of the same HTTP/2 session go on. */
export function cutRequest(request: IncomingMessage): void {
  if ('stream' in request) (request.stream as ServerHttp2Stream).close(constants.NGHTTP2_CANCEL);
  else request.destroy();
}
