/** The end of a WebSocket of an object. */
import { type ErrorCode, FairleadError } from "../protocol/errors.ts";
import { closeCodeFor } from "../protocol/uplink/messages.ts";

/** Closes a socket for an error, whose code is the reason. */
export function closeSocketFor(socket: WebSocket, code: ErrorCode): void {
  closeSocket(socket, closeCodeFor(new FairleadError(code).entry.status), code);
}

/** Answers the close of the other end, which hibernating sockets do not do by themselves. Some codes may not be sent. */
export function answerClose(socket: WebSocket, code: number): void {
  closeSocket(socket, code === 1005 || code === 1006 || code === 1015 ? 1000 : code);
}

function closeSocket(socket: WebSocket, code: number, reason?: string): void {
  try {
    socket.close(code, reason);
  } catch {
    // The socket is closed already.
  }
}
