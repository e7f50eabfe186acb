/** A range of pod addresses that no other world on this machine has: a /24, with a lock that ends with the process. */
import { randomInt } from "node:crypto";
import { once } from "node:events";
import { createServer, type Server } from "node:net";
import { localAddress } from "./pod-addresses.ts";

/** Whoever listens at this port of the range's last address has the range. */
const LOCK = { host: 254, port: 10_240 };
const FIRST_HOST = 1;

export class PodRange {
  readonly #prefix: string;
  readonly #lock: Server;
  #next = FIRST_HOST;

  private constructor(prefix: string, lock: Server) {
    this.#prefix = prefix;
    this.#lock = lock;
  }

  static async claim(): Promise<PodRange> {
    for (;;) {
      const prefix = `10.${randomInt(240, 255)}.${randomInt(256)}`;
      const lock = createServer().unref();
      lock.listen(LOCK.port, localAddress(`${prefix}.${LOCK.host}`));
      const taken = await once(lock, "listening").then(
        () => false,
        (error: NodeJS.ErrnoException) => {
          if (error.code !== "EADDRINUSE") throw error;
          return true;
        },
      );
      if (!taken) return new PodRange(prefix, lock);
    }
  }

  /** An address that no pod had before. @throws Error after 253 of them */
  next(): string {
    if (this.#next === LOCK.host) throw new Error(`All addresses of ${this.#prefix}.0/24 are used.`);
    return `${this.#prefix}.${this.#next++}`;
  }

  release(): void {
    this.#lock.close();
  }
}
