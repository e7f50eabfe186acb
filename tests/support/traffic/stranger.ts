/** Somebody without a certificate or a key: connections that say nothing, or half of something. Bounded in number. */
import { once } from "node:events";
import { connect, type Socket } from "node:net";

/** Most connections that one stranger holds. */
export const MAX_CONNECTIONS = 25_000;
/** How many are dialled at once. */
const AT_ONCE = 200;

export interface Place {
  readonly host: string;
  readonly port: number;
}

/** A TLS record that promises a ClientHello of 512 bytes and brings the first of it. */
export const HALF_HANDSHAKE = Buffer.from("1603010200010001fc0303", "hex");

export function placeOf(url: string): Place {
  const { hostname, port } = new URL(url);
  return { host: hostname, port: Number(port) };
}

export class Stranger {
  readonly #sockets = new Set<Socket>();
  /** Dials that the other side, or this machine, refused. */
  refused = 0;
  /** Connections that the other side ended. */
  ended = 0;

  /** Connections that are open. */
  get open(): number {
    return this.#sockets.size;
  }

  /**
   * Opens `count` connections and says `words` on each, or nothing. Loopback places have 28,000 ports for each
   * address of the dialling side, so dials come from `from`.
   * @throws RangeError beyond {@link MAX_CONNECTIONS}
   */
  async hold(
    place: Place,
    count: number,
    { words, from }: { words?: Buffer; from?: string } = {},
  ): Promise<void> {
    if (this.open + count > MAX_CONNECTIONS) throw new RangeError(`at most ${MAX_CONNECTIONS} connections`);
    for (let left = count; left > 0; left -= AT_ONCE) {
      const dials = Array.from({ length: Math.min(left, AT_ONCE) }, () => this.#dial(place, words, from));
      await Promise.all(dials);
    }
  }

  /** Ends them all. */
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
