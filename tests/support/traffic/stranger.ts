/** A client without certificate and key that opens many connections and sends nothing, or half of a message. */
import { once } from "node:events";
import { connect, type Socket } from "node:net";

/** Limit of connections of one stranger. */
export const MAX_CONNECTIONS = 25_000;
/** Dials in parallel. */
const AT_ONCE = 200;

export interface Place {
  readonly host: string;
  readonly port: number;
}

/** A TLS record header for a ClientHello of 512 bytes, and its first bytes. */
export const HALF_HANDSHAKE = Buffer.from("1603010200010001fc0303", "hex");

export function placeOf(url: string): Place {
  const { hostname, port } = new URL(url);
  return { host: hostname, port: Number(port) };
}

export class Stranger {
  readonly #sockets = new Set<Socket>();
  /** Count of dials that the other side or this machine refused. */
  refused = 0;
  /** Count of connections that the other side ended. */
  ended = 0;

  /** Count of open connections. */
  get open(): number {
    return this.#sockets.size;
  }

  /**
   * Opens `count` connections and sends `words` on each, if given. A client address has 28,000 ports, so further
   * connections need another address in `from`.
   * @throws RangeError beyond {@link MAX_CONNECTIONS}
   */
  async hold(
    place: Place,
    count: number,
    { words, from }: { words?: Buffer; from?: string } = {},
  ): Promise<void> {
    if (this.open + count > MAX_CONNECTIONS)
      throw new RangeError(`A stranger has at most ${MAX_CONNECTIONS} connections.`);
    for (let left = count; left > 0; left -= AT_ONCE) {
      const dials = Array.from({ length: Math.min(left, AT_ONCE) }, () => this.#dial(place, words, from));
      await Promise.all(dials);
    }
  }

  /** Closes every connection. */
  async close(): Promise<void> {
    const closed = [...this.#sockets].map((socket) => once(socket, "close"));
    for (const socket of this.#sockets) socket.destroy();
    await Promise.all(closed);
  }

  #dial(place: Place, words: Buffer | undefined, from: string | undefined): Promise<void> {
    return new Promise((resolve) => {
      const socket = connect({ ...place, ...(from === undefined ? {} : { localAddress: from }) });
      let connected = false;
      socket.once("connect", () => {
        connected = true;
        this.#sockets.add(socket);
        if (words !== undefined) socket.write(words);
        socket.resume();
        resolve();
      });
      socket.on("error", () => {});
      socket.once("close", () => {
        if (connected) this.ended += 1;
        else this.refused += 1;
        this.#sockets.delete(socket);
        resolve();
      });
    });
  }
}
