/** Sends a datagram, or drops it where the socket does not keep up: UDP has no backpressure. */
import type { Socket } from "node:dgram";

/** Most bytes that wait in a socket. */
export const MAX_UNSENT_BYTES = 256 * 1024;

/** @param to the receiver; the address that the socket is connected to unless given */
export function sendDatagram(
  socket: Socket,
  payload: Uint8Array,
  to?: { readonly address: string; readonly port: number },
): void {
  try {
    if (socket.getSendQueueSize() > MAX_UNSENT_BYTES) return;
    // With a callback, a failure is no `error` event: one bad datagram must not end a socket of many clients.
    if (to === undefined) socket.send(payload, ignore);
    else socket.send(payload, to.port, to.address, ignore);
  } catch {
    // The socket is closed.
  }
}

function ignore(): void {}
