/**
 * The other connectors in this network namespace, and their targets. Each connector listens on a socket with a name in
 * Linux's abstract namespace, finds the others in /proc/net/unix and keeps one connection to each. Such a name is visible
 * where its owner's ports are, across users and containers, and vanishes with its process: nothing becomes stale, and no
 * directory is shared. On other systems a connector knows only itself.
 *
 * Any local program may send anything here. Its messages are bounded and checked. They can only keep listeners from
 * addresses, and streams from listeners, which a local program can also do by listening there itself.
 */
import { randomBytes } from "node:crypto";
import { readFileSync } from "node:fs";
import { connect, createServer, type Server, type Socket } from "node:net";
import { createInterface } from "node:readline";
import * as z from "zod";
import { Port, ServiceName, SiteName } from "../../protocol/names.ts";
import { sleep } from "../async/sleep.ts";
import { resolvesWithin } from "../async/timeout.ts";
import type { TargetAddress } from "./target-address.ts";

const PREFIX = "fairlead-connector/";

/** Most other connectors, most targets and ports that each may name, and most bytes of one message. */
const MAX_CONNECTORS = 64;
const MAX_TARGETS = 2000;
const MAX_UNREAD = 512 * 1024;

/** How long the others get to name their targets before listeners bind, ms. */
const READY_MS = 1000;

/** How long another connector gets to answer whether it dialled a client's connection, ms. */
const ANSWER_MS = 1000;

/** A line between two connectors: a connector and its targets, a question about a connection, or the answer. */
const Message = z.union([
  z.object({
    id: z.string().max(64),
    site: SiteName,
    listens: z.array(Port).max(MAX_TARGETS).default([]),
    targets: z.array(z.tuple([z.string().max(64), Port, ServiceName])).max(MAX_TARGETS),
  }),
  z.object({ ask: z.number().int(), address: z.string().max(64), port: Port }),
  z.object({ answer: z.number().int(), hops: z.number().int().min(0).max(255).nullable() }),
]);

interface OtherConnector {
  readonly socket: Socket;
  /** Empty until its first message. */
  id: string;
  targets: readonly TargetAddress[];
  listens: readonly number[];
  readonly asked: Map<number, (hops: number | null) => void>;
}

export interface MachineConnectorsOptions {
  /** This site's name. */
  readonly site: () => string;
  /** Prefix of the sockets' names, which tests replace. */
  readonly prefix?: string;
}

export class MachineConnectors {
  readonly #options: MachineConnectorsOptions;
  readonly #others = new Set<OtherConnector>();
  readonly #id = `${process.pid}-${randomBytes(6).toString("hex")}`;
  #own: readonly TargetAddress[] = [];
  #server: Server | null = null;
  #ready = Promise.resolve();
  #asks = 0;
  /** Ports of listeners whose host the configuration names: other connectors may have targets there. */
  #listens: readonly number[] = [];
  #onChange: () => void = () => {};
  #hopsOf: (address: string, port: number) => Promise<number | null> = async () => null;

  constructor(options: MachineConnectorsOptions) {
    this.#options = options;
  }

  /** Sets the function that is called when the targets of the others have changed. */
  onChange(listener: () => void): void {
    this.#onChange = listener;
  }

  /** Answers how many streams are behind the connection that this connector dialled from an address; null when it dialled none. */
  onAsk(hopsOf: (address: string, port: number) => Promise<number | null>): void {
    this.#hopsOf = hopsOf;
  }

  /** Resolves when the connectors that were there at the start have named their targets, or after {@link READY_MS}. */
  get ready(): Promise<void> {
    return this.#ready;
  }

  /** The targets of the others. */
  known(): readonly TargetAddress[] {
    return this.#each().flatMap(({ targets }) => targets);
  }

  /** Starts to be found by the others, and connects to them. */
  start(): void {
    if (process.platform !== "linux") return;
    const prefix = this.#options.prefix ?? PREFIX;
    const name = `${prefix}${this.#id}`;
    const server = createServer((socket) => void this.#add(socket));
    this.#server = server;
    // Without the server, this connector knows only itself.
    server.on("error", () => {});
    const named = new AbortController();
    this.#ready = sleep(READY_MS, named.signal, { ref: false }).then(() => {});
    server.listen({ path: `\0${name}` }, () => {
      const found = namesWith(prefix).filter((other) => other !== name);
      const answers = found
        .slice(0, MAX_CONNECTORS)
        .map((other) => this.#add(connect({ path: `\0${other}` })));
      void Promise.all(answers).then(() => named.abort());
    });
    server.unref();
  }

  /** Sends the others this connector's targets, and the ports of listeners whose host its configuration names. */
  announce(targets: readonly TargetAddress[], listens: readonly number[] = []): void {
    this.#own = targets.slice(0, MAX_TARGETS);
    this.#listens = listens.slice(0, MAX_TARGETS);
    for (const other of this.#others) this.#send(other);
  }

  /**
   * Streams behind a client's connection that another connector dialled, from that address to one of its targets; null
   * when none dialled it.
   */
  async hopsOf(
    address: string,
    port: number,
    target: { address: string; port: number },
  ): Promise<number | null> {
    const able = this.#each().filter(({ targets }) =>
      targets.some((each) => each.port === target.port && sameAddress(each.address, target.address)),
    );
    const answers = await Promise.all(able.map((other) => this.#ask(other, address, port)));
    return answers.find((hops) => hops !== null) ?? null;
  }

  /** Whether another connector has a listener at this port whose address --listen gives. */
  listens(port: number): boolean {
    for (const { listens } of this.#others) if (listens.includes(port)) return true;
    return false;
  }

  /** Whether another connector has a target there. Then a client may be its connection. */
  isTarget(address: string, port: number): boolean {
    for (const { targets } of this.#others) {
      if (targets.some((each) => each.port === port && sameAddress(each.address, address))) return true;
    }
    return false;
  }

  close(): void {
    this.#server?.close();
    for (const { socket } of this.#others) socket.destroy();
  }

  /** Each of the others once: connectors that start at the same time have two connections. */
  #each(): OtherConnector[] {
    return [...new Map([...this.#others].map((other) => [other.id, other])).values()];
  }

  /** Adds another connector. Resolves when it has named its targets, or is gone. */
  #add(socket: Socket): Promise<void> {
    socket.unref();
    socket.on("error", () => {});
    if (this.#others.size >= MAX_CONNECTORS) {
      socket.destroy();
      return Promise.resolve();
    }
    const other: OtherConnector = { socket, id: "", targets: [], listens: [], asked: new Map() };
    this.#others.add(other);
    const { promise, resolve } = Promise.withResolvers<void>();
    let unread = 0;
    socket.on("data", (chunk: Buffer) => {
      unread = chunk.includes(10) ? 0 : unread + chunk.length;
      if (unread > MAX_UNREAD) socket.destroy();
    });
    createInterface({ input: socket })
      // Node (24.21, November 2026) emits the socket's errors here, too. Without a listener they end the process.
      .on("error", () => {})
      .on("line", (line) => this.#receive(other, line, resolve));
    socket.on("close", () => {
      this.#others.delete(other);
      for (const answered of other.asked.values()) answered(null);
      resolve();
      if (other.targets.length > 0) this.#onChange();
    });
    this.#send(other);
    return promise;
  }

  #receive(other: OtherConnector, line: string, named: () => void): void {
    const message = Message.safeParse(readJson(line));
    if (!message.success) return;
    const { data } = message;
    if ("targets" in data) {
      const { site } = data;
      other.id = data.id;
      other.listens = data.listens;
      other.targets = data.targets.map(([address, port, service]) => ({ address, port, service, site }));
      named();
      this.#onChange();
    } else if ("ask" in data) {
      const { ask } = data;
      void this.#hopsOf(data.address, data.port).then((hops) =>
        other.socket.write(`${JSON.stringify({ answer: ask, hops })}\n`),
      );
    } else other.asked.get(data.answer)?.(data.hops);
  }

  #send({ socket }: OtherConnector): void {
    const targets = this.#own.map(({ address, port, service }) => [address, port, service]);
    socket.write(
      `${JSON.stringify({ id: this.#id, site: this.#options.site(), listens: this.#listens, targets })}\n`,
    );
  }

  async #ask(other: OtherConnector, address: string, port: number): Promise<number | null> {
    const ask = ++this.#asks;
    const { promise, resolve } = Promise.withResolvers<number | null>();
    other.asked.set(ask, resolve);
    other.socket.write(`${JSON.stringify({ ask, address, port })}\n`);
    const answered = await resolvesWithin(promise, ANSWER_MS);
    other.asked.delete(ask);
    return answered ? await promise : null;
  }
}

/** The names in the abstract namespace that begin with `prefix`. */
function namesWith(prefix: string): string[] {
  try {
    const found: string[] = [];
    for (const line of readFileSync("/proc/net/unix", "latin1").split("\n")) {
      const at = line.indexOf(` @${prefix}`);
      if (at >= 0) found.push(line.slice(at + 2).trim());
    }
    // An accepted connection has its listener's name.
    return [...new Set(found)];
  } catch {
    return [];
  }
}

const plain = (address: string) => address.replace(/^::ffff:(?=\d+\.)/i, "");

/** Whether a connection to `target` arrives at `local`. 0.0.0.0 and :: reach the loopback address. */
function sameAddress(target: string, local: string): boolean {
  const [left, right] = [plain(target), plain(local)];
  if (left === "0.0.0.0" || left === "::") return right === "127.0.0.1" || right === "::1";
  return left === right;
}

function readJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}
