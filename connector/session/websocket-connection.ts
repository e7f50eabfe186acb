/** The connection under a WebSocket of `ws`, taken over for reading and writing. */
import { Duplex } from "node:stream";
import type { WebSocket } from "ws";

/** A connection whose bytes `ws` no longer reads by itself. */
export interface TakenConnection {
  readonly connection: Duplex;
  /** Hands bytes to `ws`, as if it had read them. */
  readonly parse: (bytes: Buffer) => void;
  /** Lets `ws` read the connection again. */
  readonly release: () => void;
}

/**
 * Takes over the connection of an open WebSocket: what arrives goes to `read`. `ws` must not have read a part
 * of a frame: call it in the "open" event, or while the socket is paused since then.
 *
 * Null if this version of `ws` keeps the connection elsewhere than in `_socket`, or reads it otherwise than
 * with one listener of "data". 8.23 does neither, and a test fails when another version does.
 */
export function takeConnection(socket: WebSocket, read: (bytes: Buffer) => void): TakenConnection | null {
  const { _socket: connection } = socket as unknown as { _socket?: unknown };
  if (!(connection instanceof Duplex)) return null;
  const [parse, ...others] = connection.listeners("data") as ((bytes: Buffer) => void)[];
  if (parse === undefined || others.length > 0) return null;
  const drain = (): void => {
    // A connection that fails while it is paused still has bytes, which `ws` would take for the start of a frame.
    const rest: Buffer | null = connection.read();
    if (rest !== null) read(rest);
  };
  connection.off("data", parse);
  connection.on("data", read);
  connection.prependListener("close", drain);
  return {
    connection,
    parse: (bytes) => parse.call(connection, bytes),
    release: () => {
      connection.off("data", read);
      connection.off("close", drain);
      connection.on("data", parse);
    },
  };
}
