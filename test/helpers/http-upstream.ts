/** Real HTTP servers inside the test process, with the behaviour that a test gives them. */
import { createServer, type RequestListener, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';

export interface HttpUpstream {
  readonly origin: string;
  readonly server: Server;
  close(): Promise<void>;
}

/** Listening on an address that is free. */
export async function startHttpUpstream(
  listener: RequestListener,
  host = '127.0.0.1',
): Promise<HttpUpstream> {
  const server = createServer(listener);
  await new Promise<void>((resolve) => server.listen(0, host, resolve));
  const { port } = server.address() as AddressInfo;
  return {
    origin: `http://${host}:${String(port)}`,
    server,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}
