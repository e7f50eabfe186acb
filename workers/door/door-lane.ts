/**
 * The lane of a door's session: the edge's end of a connector's WebSocket. `send()` has no backpressure in workerd
 * (1.20261117, November 2026); the carrier's limit on unacknowledged bytes bounds what waits in the socket.
 */
import type { Lane } from "../../protocol/carrier/index.ts";
import type { FairleadError } from "../../protocol/errors.ts";
import { closeCodeFor } from "../../protocol/uplink/messages.ts";

/** What a lane reports. */
export interface DoorLaneEvents {
  text(message: string): void;
  bytes(message: Uint8Array): void;
  /** The lane closed, and not by this side. */
  closed(): void;
}

export class DoorLane implements Lane {
  readonly #socket: WebSocket;
  #isClosed = false;

  /** Accepts the socket. It must not be accepted before. */
  constructor(socket: WebSocket, events: DoorLaneEvents) {
    this.#socket = socket;
    socket.binaryType = "arraybuffer";
    const closed = (): void => {
      if (this.#isClosed) return;
      this.#isClosed = true;
      events.closed();
    };
    socket.addEventListener("message", ({ data }) => {
      if (this.#isClosed) return;
      if (typeof data === "string") events.text(data);
      else if (data instanceof ArrayBuffer) events.bytes(new Uint8Array(data));
    });
    socket.addEventListener("close", closed);
    socket.addEventListener("error", closed);
    socket.accept();
  }

  sendText(text: string): void {
    this.#send(text);
  }

  send(pieces: readonly Uint8Array[]): boolean {
    const [first] = pieces;
    this.#send(pieces.length === 1 && first !== undefined ? first : joined(pieces));
    return true;
  }

  // The runtime cannot pause a socket. Credit bounds what a stream sends.
  pause(): void {}
  resume(): void {}

  close(error?: FairleadError): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.#end(error === undefined ? 1000 : closeCodeFor(error.entry.status), error?.code);
  }

  terminate(): void {
    this.close();
  }

  #send(message: string | Uint8Array): void {
    if (this.#isClosed) return;
    try {
      this.#socket.send(message);
    } catch {
      // The socket closed meanwhile. Its close event handles the rest.
    }
  }

  #end(code: number, reason?: string): void {
    try {
      this.#socket.close(code, reason);
    } catch {
      // The socket is closed already.
    }
  }
}

function joined(pieces: readonly Uint8Array[]): Uint8Array {
  let length = 0;
  for (const piece of pieces) length += piece.length;
  const whole = new Uint8Array(length);
  let at = 0;
  for (const piece of pieces) {
    whole.set(piece, at);
    at += piece.length;
  }
  return whole;
}
