/** Turns of the event loop. */
import { once } from "node:events";
import { createServer, type Socket } from "node:net";
import { dialKernelEnd, type KernelEnd } from "./kernel-end.ts";

/** Resolves in the next turn. */
export function turn(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}

/** Calls `work` in each turn until `isDone`. @throws Error when it is not within a minute */
export async function turnUntil(isDone: () => boolean, work: () => void): Promise<void> {
  const end = performance.now() + 60_000;
  while (!isDone()) {
    if (performance.now() > end) throw new Error(`not within a minute: ${isDone}`);
    work();
    await turn();
  }
}

/** Calls a function in the poll phase of the event loop, as the arrival of bytes does. */
export class PollPhase {
  readonly #near: Socket;
  readonly #far: KernelEnd;
  #call: (() => void) | null = null;
  static readonly #byte = Buffer.alloc(1);

  private constructor(near: Socket, far: KernelEnd) {
    this.#near = near;
    this.#far = far;
    near.on("data", () => {
      const call = this.#call;
      this.#call = null;
      call?.();
    });
  }

  static async open(): Promise<PollPhase> {
    const server = createServer({ noDelay: true });
    server.listen({ host: "127.0.0.1", port: 0 });
    await once(server, "listening");
    const [[near], far] = await Promise.all([once(server, "connection"), dialKernelEnd(server)]);
    server.close();
    return new PollPhase(near as Socket, far);
  }

  /** Calls `call` once, in the poll phase of the next turn. */
  next(call: () => void): void {
    this.#call = call;
    this.#far.write([PollPhase.#byte]);
  }

  close(): void {
    this.#near.destroy();
    this.#far.close();
  }
}
