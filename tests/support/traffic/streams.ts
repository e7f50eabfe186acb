/**
 * Long TCP streams that carry patterns in both directions at once, with every byte compared as it arrives. Client and
 * server are both in this process, which compares sent with received bytes.
 */
import { once } from "node:events";
import type { Socket } from "node:net";
import { eventually } from "../clock/eventually.ts";
import { Check, Pattern } from "./pattern.ts";
import { dial, type Place, serve, type TestServer } from "./servers.ts";

/** Rate of each end: `bytes` every `everyMs`, or as fast as possible without an interval. */
export interface Pace {
  readonly bytes: number;
  readonly everyMs?: number;
}

const HEADER = 4;

/** One end of a stream. */
export class End {
  readonly name: string;
  readonly socket: Socket;
  readonly #out: Pattern;
  readonly #check: Check;
  readonly #pace: Pace;
  readonly #timer: NodeJS.Timeout | undefined;
  sent = 0;
  /** First failure, or null. */
  failure: string | null = null;
  /** Whether the other end has finished. */
  ended = false;
  #finishing = false;
  #blocked = false;
  /** Time of the last arrival, and the longest pause between two arrivals, ms. */
  #lastAt = performance.now();
  longestSilence = 0;

  constructor(name: string, socket: Socket, out: string, expected: string, pace: Pace) {
    this.name = name;
    this.socket = socket;
    this.#out = new Pattern(out);
    this.#check = new Check(expected);
    this.#pace = pace;
    socket.on("drain", () => {
      this.#blocked = false;
      if (pace.everyMs === undefined) this.#send();
    });
    socket.on("end", () => {
      this.ended = true;
    });
    socket.on("error", (error) => this.#fail(error.message));
    socket.on("close", () => {
      clearInterval(this.#timer);
      if (!this.ended || !this.#finishing) this.#fail("closed before its end");
    });
    this.#timer = pace.everyMs === undefined ? undefined : setInterval(() => this.#send(), pace.everyMs);
    if (pace.everyMs === undefined) setImmediate(() => this.#send());
  }

  get received(): number {
    return this.#check.received;
  }

  take(bytes: Buffer): void {
    const now = performance.now();
    this.longestSilence = Math.max(this.longestSilence, now - this.#lastAt);
    this.#lastAt = now;
    if (this.failure === null && !this.#check.take(bytes)) this.#fail(`a wrong byte after ${this.received}`);
  }

  /** Stops sending. */
  finish(): void {
    if (this.#finishing) return;
    this.#finishing = true;
    clearInterval(this.#timer);
    this.socket.end();
  }

  #send(): void {
    // A few writes at a time, because this process serves other streams as well.
    for (let round = 0; round < 4 && !this.#blocked && !this.#finishing && !this.socket.destroyed; round++) {
      this.#blocked = !this.socket.write(this.#out.take(this.#pace.bytes));
      this.sent += this.#pace.bytes;
      if (this.#pace.everyMs !== undefined) return;
    }
    if (!this.#blocked && !this.#finishing && !this.socket.destroyed) setImmediate(() => this.#send());
  }

  #fail(what: string): void {
    this.failure ??= `${this.name}: ${what} (sent ${this.sent}, received ${this.received})`;
  }
}

/** Both ends of one stream. */
export interface Stream {
  readonly client: End;
  readonly server: End;
}

export class CheckedServer {
  readonly server: TestServer;
  readonly #arrivals: Map<number, (socket: Socket) => void>;
  #next = 1;

  private constructor(server: TestServer, arrivals: Map<number, (socket: Socket) => void>) {
    this.server = server;
    this.#arrivals = arrivals;
  }

  static async start(at: Partial<Place> = {}): Promise<CheckedServer> {
    const arrivals = new Map<number, (socket: Socket) => void>();
    const server = await serve((socket) => {
      socket.once("readable", () => {
        const header: Buffer | null = socket.read(HEADER);
        const arrived = arrivals.get(header?.readUInt32BE() ?? 0);
        if (arrived) arrived(socket);
        else socket.destroy();
      });
    }, at);
    return new CheckedServer(server, arrivals);
  }

  /** `HOST:PORT` */
  get at(): string {
    return this.server.at;
  }

  /** Opens streams through a listener. Resolves when each stream has reached this server. */
  async open(place: Place, count: number, pace: Pace): Promise<CheckedStreams> {
    const streams = await Promise.all(Array.from({ length: count }, () => this.#openOne(place, pace)));
    return new CheckedStreams(streams);
  }

  async #openOne(place: Place, pace: Pace): Promise<Stream> {
    const id = this.#next++;
    const arrival = Promise.withResolvers<Socket>();
    this.#arrivals.set(id, arrival.resolve);
    const socket = await dial(place);
    const header = Buffer.alloc(HEADER);
    header.writeUInt32BE(id);
    socket.write(header);
    const lost = once(socket, "close").then(() => {
      throw new Error(`Stream ${id} was closed before it reached the server.`);
    });
    const accepted = await Promise.race([arrival.promise, lost]);
    lost.catch(() => {});
    this.#arrivals.delete(id);
    const client = new End(`client ${id}`, socket, `up ${id}`, `down ${id}`, pace);
    const server = new End(`server ${id}`, accepted, `down ${id}`, `up ${id}`, pace);
    socket.on("data", (bytes: Buffer) => client.take(bytes));
    accepted.on("data", (bytes: Buffer) => server.take(bytes));
    // The server finishes after the client.
    accepted.on("end", () => server.finish());
    return { client, server };
  }
}

export class CheckedStreams {
  readonly all: readonly Stream[];

  constructor(all: readonly Stream[]) {
    this.all = all;
  }

  get #ends(): End[] {
    return this.all.flatMap(({ client, server }) => [client, server]);
  }

  get failures(): string[] {
    return this.#ends.flatMap(({ failure }) => (failure === null ? [] : [failure]));
  }

  /** Count of correct bytes in both directions. */
  get bytes(): number {
    return this.#ends.reduce((sum, end) => sum + end.received, 0);
  }

  /** Longest pause between two arrivals at any end, ms. */
  get longestSilence(): number {
    return Math.round(Math.max(0, ...this.#ends.map((end) => end.longestSilence)));
  }

  /**
   * Waits until bytes sent after this call have arrived at every end. Returns how long that took, ms.
   * @throws Error when a stream failed, or at the deadline
   */
  async move(within = 120_000): Promise<number> {
    const begin = performance.now();
    const marks = this.all.map(({ client, server }) => ({ up: client.sent, down: server.sent }));
    const late = () =>
      this.all.filter(({ client, server }, at) => {
        const mark = marks[at];
        return mark === undefined || server.received <= mark.up || client.received <= mark.down;
      }).length;
    await eventually(
      "every stream moves on",
      () => {
        if (this.failures.length > 0) return true;
        return late() === 0;
      },
      { within, every: 20 },
    ).catch((error: Error) => {
      throw new Error(`${error.message}; ${late()} of ${this.all.length} do not`);
    });
    if (this.failures.length > 0) throw new Error(this.failures.slice(0, 5).join("\n"));
    return Math.round(performance.now() - begin);
  }

  /**
   * Ends every stream in order and compares sent with received bytes.
   * @throws Error with every failure
   */
  async finish(within = 120_000): Promise<void> {
    for (const { client } of this.all) client.finish();
    await eventually(
      "every stream ends",
      () => this.failures.length > 0 || this.#ends.every(({ ended }) => ended),
      { within },
    );
    const wrong = [...this.failures];
    for (const { client, server } of this.all) {
      if (client.sent !== server.received)
        wrong.push(`${client.name} sent ${client.sent}, ${server.received} came`);
      if (server.sent !== client.received)
        wrong.push(`${server.name} sent ${server.sent}, ${client.received} came`);
    }
    if (wrong.length > 0) throw new Error(wrong.slice(0, 10).join("\n"));
  }

  /** Destroys every stream. */
  destroy(): void {
    for (const { socket } of this.#ends) socket.destroy();
  }
}
