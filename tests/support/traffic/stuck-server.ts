/** A server whose clients wait forever. */
import { once } from "node:events";
import { connect, type Socket } from "node:net";
import { Worker } from "node:worker_threads";

/** A server that neither accepts nor refuses connections: its backlog is full, and its program is stuck. */
export class StuckServer {
  readonly port: number;
  readonly #worker: Worker;
  readonly #fillers: Socket[];

  private constructor(port: number, worker: Worker) {
    this.port = port;
    this.#worker = worker;
    this.#fillers = Array.from({ length: 4 }, () => connect(port, "127.0.0.1").on("error", () => {}));
  }

  static async start(): Promise<StuckServer> {
    const worker = new Worker(STUCK, { eval: true });
    const [port] = (await once(worker, "message")) as [number];
    return new StuckServer(port, worker);
  }

  async close(): Promise<void> {
    for (const socket of this.#fillers) socket.destroy();
    await this.#worker.terminate();
  }
}

const STUCK = `
  const { parentPort } = require("node:worker_threads");
  const server = require("node:net").createServer().listen({ port: 0, host: "127.0.0.1", backlog: 1 }, () => {
    parentPort.postMessage(server.address().port);
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0);
  });
`;
