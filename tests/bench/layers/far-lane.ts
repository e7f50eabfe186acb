/** The far end of a lane, on the server's side of a WebSocket, where the edge is otherwise. */
import type { WebSocket } from "ws";
import type { Lane, LaneEvents } from "../../../protocol/carrier/index.ts";

export class FarLane implements Lane {
  readonly #socket: WebSocket;

  constructor(socket: WebSocket, events: LaneEvents) {
    this.#socket = socket;
    socket.binaryType = "nodebuffer";
    socket.on("error", () => {});
    socket.on("message", (data, isBinary) => {
      if (!Buffer.isBuffer(data)) return;
      if (isBinary) events.bytes(data);
      else events.text(data.toString());
    });
    queueMicrotask(() => events.opened());
  }

  sendText(text: string): void {
    this.#socket.send(text);
  }

  send(pieces: readonly Uint8Array[]): boolean {
    this.#socket.send(Buffer.concat(pieces));
    return true;
  }

  pause(): void {}
  resume(): void {}

  close(): void {
    this.#socket.terminate();
  }

  terminate(): void {
    this.#socket.terminate();
  }
}
