/** Whether something accepts TCP connections at an address. */
import { connect } from 'node:net';
import type { ListenAddress } from './address-check.ts';

/** True when a connection was made within `boundMs` milliseconds; it is closed at once. */
export function acceptsConnections(address: ListenAddress, boundMs = 1000): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect({ host: address.host, port: address.port });
    const finish = (accepted: boolean): void => {
      socket.destroy();
      resolve(accepted);
    };
    socket.setTimeout(boundMs, () => finish(false));
    socket.once('connect', () => finish(true));
    socket.once('error', () => finish(false));
  });
}
