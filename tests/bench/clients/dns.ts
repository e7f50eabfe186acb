/** Clients for DNS over UDP: as many queries as are answered, and a steady rate of them. */
import { createSocket, type Socket } from "node:dgram";
import { once } from "node:events";
import { performance } from "node:perf_hooks";
import { encode } from "dns-packet";
import { percentile } from "../statistics.ts";
import type { DnsServer } from "../systems/system.ts";

export interface Answers {
  readonly answers: number;
  readonly perSecond: number;
  /** Queries without an answer, or with an error. */
  readonly failed: number;
  /** ms */
  readonly p99: number;
}

/** Sockets, between which the queries are shared. */
const SOCKETS = 4;

/** A query that takes longer counts as lost, ms. */
const LOST_MS = 1000;

const RCODE = 0x0f;

/** Sends queries for `ms`, `parallel` at a time. */
export async function parallelQueries(to: DnsServer, parallel: number, ms: number): Promise<Answers> {
  const client = await Client.open(to);
  return await client.run(async () => {
    for (let count = 0; count < parallel; count++) client.send();
    client.onAnswer = () => client.send();
    await pause(ms);
    client.onAnswer = () => {};
  });
}

/** Sends `perSecond` queries a second for `ms`, whatever is answered. */
export async function steadyQueries(to: DnsServer, perSecond: number, ms: number): Promise<Answers> {
  const client = await Client.open(to);
  return await client.run(async () => {
    const from = performance.now();
    let sent = 0;
    for (let now = from; now < from + ms; now = performance.now()) {
      for (const due = ((now - from) * perSecond) / 1000; sent < due; sent++) client.send();
      await pause(1);
    }
  });
}

class Client {
  onAnswer = (): void => {};
  readonly #sockets: readonly Socket[];
  readonly #query: Buffer;
  /** When each query in flight was sent, by socket and id. */
  readonly #sent: readonly Map<number, number>[];
  readonly #times: number[] = [];
  #next = 0;
  #failed = 0;

  private constructor(sockets: readonly Socket[], query: Buffer) {
    this.#sockets = sockets;
    this.#query = query;
    this.#sent = sockets.map(() => new Map());
    for (const [at, socket] of sockets.entries()) {
      socket.on("message", (answer) => this.#take(at, answer));
      socket.on("error", () => {});
    }
  }

  static async open({ host, port, name }: DnsServer): Promise<Client> {
    const query = encode({ type: "query", id: 0, flags: 0, questions: [{ type: "A", name }] });
    const sockets = await Promise.all(
      Array.from({ length: SOCKETS }, async () => {
        const socket = createSocket("udp4");
        socket.connect(port, host);
        await once(socket, "connect");
        return socket;
      }),
    );
    return new Client(sockets, query);
  }

  send(): void {
    const number = this.#next++;
    const at = number % SOCKETS;
    const id = Math.floor(number / SOCKETS) % 0x1_0000;
    const query = Buffer.from(this.#query);
    query.writeUInt16BE(id, 0);
    this.#sent[at]?.set(id, performance.now());
    this.#sockets[at]?.send(query);
  }

  /** Runs `sending`, waits for the answers that are due, and closes the client. */
  async run(sending: () => Promise<void>): Promise<Answers> {
    try {
      const from = performance.now();
      await sending();
      const seconds = (performance.now() - from) / 1000;
      const answers = this.#times.length;
      const inFlight = () => this.#sent.reduce((sum, { size }) => sum + size, 0);
      for (const until = performance.now() + LOST_MS; inFlight() > 0 && performance.now() < until; ) {
        await pause(5);
      }
      const sorted = Float64Array.from(this.#times).sort();
      const failed = this.#failed + inFlight();
      return { answers, perSecond: answers / seconds, failed, p99: percentile(sorted, 0.99) };
    } finally {
      for (const socket of this.#sockets) socket.close();
    }
  }

  #take(at: number, answer: Buffer): void {
    const id = answer.readUInt16BE(0);
    const sent = this.#sent[at]?.get(id);
    if (sent === undefined) return;
    this.#sent[at]?.delete(id);
    if ((answer.readUInt8(3) & RCODE) === 0 && answer.readUInt16BE(6) > 0)
      this.#times.push(performance.now() - sent);
    else this.#failed++;
    this.onAnswer();
  }
}

const pause = (ms: number) => new Promise<void>((done) => setTimeout(done, ms));
