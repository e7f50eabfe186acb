/** Clients of a service that echoes: each opens one connection after another, and counts what it sent and got back. */
import { setTimeout as sleep } from "node:timers/promises";
import { bytesOf, exchange, type Place } from "./servers.ts";

/** Pause of a client between two connections, ms. */
const PAUSE_MS = 10;

export class Exchanges {
  readonly #place: Place;
  readonly #running: readonly Promise<void>[];
  #hasStopped = false;
  /** Connections that began, and those that ended as they should. */
  opened = 0;
  finished = 0;
  /** Bytes that went to the server and back, and those of connections that failed. */
  bytes = 0;
  lostBytes = 0;
  readonly failures: string[] = [];

  /** Begins at once. */
  constructor(place: Place, clients: number) {
    this.#place = place;
    this.#running = Array.from({ length: clients }, (_, client) => this.#run(client));
  }

  /** Resolves when the last connection has ended. */
  async stop(): Promise<void> {
    this.#hasStopped = true;
    await Promise.all(this.#running);
  }

  async #run(client: number): Promise<void> {
    for (let round = 0; !this.#hasStopped; round++) {
      await this.#exchange(bytesOf(`${client} ${round}`, 1 + ((round * 7919) % 40_000)));
      await sleep(PAUSE_MS);
    }
  }

  async #exchange(sent: Buffer): Promise<void> {
    this.opened++;
    try {
      const back = await exchange(this.#place, sent);
      if (!back.equals(sent)) throw new Error(`${back.length} wrong bytes came back.`);
      this.finished++;
      this.bytes += sent.length;
    } catch (thrown) {
      this.lostBytes += sent.length;
      this.failures.push(String(thrown));
    }
  }
}
