/**
 * The open connections of this connector to targets, each with the number of streams behind it. A listener recognises a
 * connection that comes back to it. Only connections to ports at which a connector on this machine listens are kept.
 */
import type { Socket } from "node:net";
import { FairleadError } from "../../protocol/errors.ts";
import type { MachineConnectors } from "./machine-connectors.ts";

/** Most streams that a connection may pass through, one after the other (docs/protocol.md, "Frames"). */
export const MAX_HOPS = 8;

export interface TargetDialsOptions {
  /** Whether a connector on this machine listens at the port. */
  readonly isListened: (port: number) => boolean;
  /** The other connectors on this machine. */
  readonly machine?: Pick<MachineConnectors, "isTarget" | "hopsOf">;
}

export class TargetDials {
  readonly #options: TargetDialsOptions;
  readonly #hops = new Map<string, number>();
  /** Dials to those ports that are not connected yet. */
  #pending = 0;

  constructor(options: TargetDialsOptions) {
    this.#options = options;
  }

  /** Dials for a stream that has `hops` streams behind it, and keeps the connection until it closes. */
  async run(port: number, hops: number, dial: () => Promise<Socket>): Promise<Socket> {
    if (!this.#options.isListened(port)) return await dial();
    this.#pending++;
    try {
      const socket = await dial();
      const key = `${plain(socket.localAddress)} ${socket.localPort}`;
      if (!socket.destroyed) {
        this.#hops.set(key, hops);
        socket.once("close", () => this.#hops.delete(key));
      }
      return socket;
    } finally {
      this.#pending--;
    }
  }

  /** Streams behind the connection from that address and port; null when this connector did not dial it. */
  async hopsOf(address: string, port: number): Promise<number | null> {
    const key = `${plain(address)} ${port}`;
    // The listener may see the connection before the dial does: both events come in one turn of the event loop.
    if (!this.#hops.has(key) && this.#pending > 0) await new Promise((resolve) => setImmediate(resolve));
    return this.#hops.get(key) ?? null;
  }

  /**
   * Streams behind a client's connection; 0 unless another connector on this machine dialled it.
   * @throws FairleadError service.loop when this connector dialled it, or when there are too many.
   */
  async behind(client: Socket): Promise<number> {
    const { remoteAddress, remotePort, localAddress, localPort } = client;
    if (remoteAddress === undefined || remotePort === undefined) return 0;
    if (this.#hops.size > 0 || this.#pending > 0) {
      if ((await this.hopsOf(remoteAddress, remotePort)) !== null) {
        throw new FairleadError("service.loop", "The client is this connector's own connection to a target.");
      }
    }
    const { machine } = this.#options;
    if (machine === undefined || localAddress === undefined || localPort === undefined) return 0;
    if (!machine.isTarget(localAddress, localPort)) return 0;
    const arrived = { address: localAddress, port: localPort };
    const hops = await machine.hopsOf(plain(remoteAddress), remotePort, arrived);
    if (hops === null) return 0;
    checkHops(hops + 1);
    return hops + 1;
  }
}

/** @throws FairleadError service.loop when a stream has more than {@link MAX_HOPS} streams behind it. */
export function checkHops(hops: number): void {
  if (hops <= MAX_HOPS) return;
  throw new FairleadError("service.loop", `The connection has passed through ${hops} streams already.`);
}

const plain = (address = "") => address.replace(/^::ffff:(?=\d+\.)/i, "");
