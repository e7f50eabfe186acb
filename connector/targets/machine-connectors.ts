/**
 * The other connectors in this network namespace, and what they have as targets. Each listens on a socket with a name in
 * Linux's abstract namespace, finds the others' in /proc/net/unix and keeps one connection to each. Such a name is seen
 * where its owner's ports are, across users and containers, and is gone with its process: nothing stale, no directory
 * to share. Elsewhere than on Linux a connector knows of itself only.
 *
 * Whoever may run programs here may say anything: what comes is bounded, checked, and can do no more than keep listeners
 * from addresses and streams from listeners, which such a program can do by listening there itself.
 */
import { randomBytes } from "node:crypto";
import { readFileSync } from "node:fs";
import { connect, createServer, type Server, type Socket } from "node:net";
import { createInterface } from "node:readline";
import { z } from "zod";
import { Port, ServiceName, SiteName } from "../../protocol/names.ts";
import { resolvesWithin } from "../async/timeout.ts";
import type { TargetAddress } from "./target-address.ts";

const PREFIX = "fairlead-connector/";

/** Other connectors that are listened to, and what one may say. */
const MAX_CONNECTORS = 64;
const MAX_TARGETS = 2000;
const MAX_UNREAD = 512 * 1024;

/** How long the others get to tell theirs before listeners bind, ms. */
const READY_MS = 1000;

/** How long one gets to say whether a client is a dial of its own, ms. */
const ANSWER_MS = 1000;

const Said = z.union([
  z.object({
    id: z.string().max(64),
    site: SiteName,
    listens: z.array(Port).max(MAX_TARGETS).default([]),
    targets: z.array(z.tuple([z.string().max(64), Port, ServiceName])).max(MAX_TARGETS),
  }),
  z.object({ ask: z.number().int(), address: z.string().max(64), port: Port }),
  z.object({ answer: z.number().int(), hops: z.number().int().min(0).max(255).nullable() }),
]);

interface Other {
  readonly socket: Socket;
  /** Empty until it has said it. */
  id: string;
  targets: readonly TargetAddress[];
  listens: readonly number[];
  readonly asked: Map<number, (hops: number | null) => void>;
}

export interface MachineConnectorsOptions {
  /** This site's name. */
  readonly site: () => string;
  /** Ports of listeners whose address was asked for: they may be where others have targets. */
  readonly listens?: readonly number[];
  /** Prefix of the sockets' names; tests have their own. */
  readonly prefix?: string;
  /** How many hops a connection has behind it that this connector dialled from there; null when it did not. */
  readonly hopsOf: (address: string, port: number) => Promise<number | null>;
}

export class MachineConnectors {
  readonly #options: MachineConnectorsOptions;
  readonly #others = new Set<Other>();
  readonly #id = `${process.pid}-${randomBytes(6).toString("hex")}`;
  #own: readonly TargetAddress[] = [];
  #server: Server | null = null;
  #ready = Promise.resolve();
  #asks = 0;
  #onChange: () => void = () => {};

  constructor(options: MachineConnectorsOptions) {
    this.#options = options;
  }

  /** Called when the targets of the others have changed. */
  onChange(listener: () => void): void {
    this.#onChange = listener;
  }

  /** Resolves when the others that were there at the start have told their targets, or after a second. */
  get ready(): Promise<void> {
    return this.#ready;
  }

  /** The targets of the others. */
  known(): readonly TargetAddress[] {
    return this.#each().flatMap(({ targets }) => targets);
  }

  /** Lets itself be found, and finds the others. */
  start(): void {
    if (process.platform !== "linux") return;
    const prefix = this.#options.prefix ?? PREFIX;
    const name = `${prefix}${this.#id}`;
    const server = createServer((socket) => void this.#meet(socket));
    this.#server = server;
    // Without it, this connector knows of itself only.
    server.on("error", () => {});
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#ready = promise;
    const timer = setTimeout(resolve, READY_MS).unref();
    server.listen({ path: `\0${name}` }, () => {
      const found = namesWith(prefix).filter((other) => other !== name);
      const told = found.slice(0, MAX_CONNECTORS).map((other) => this.#meet(connect({ path: `\0${other}` })));
      void Promise.all(told).then(() => {
        clearTimeout(timer);
        resolve();
      });
    });
    server.unref();
  }

  /** Tells the others what this connector has as targets. */
  announce(targets: readonly TargetAddress[]): void {
    this.#own = targets.slice(0, MAX_TARGETS);
    for (const other of this.#others) this.#tell(other);
  }

  /**
   * How many hops a client's connection has behind it, when another connector dialled it from there to one of its
   * targets; null when none did.
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

  /** Whether another connector listens at an address that it was asked for, at this port. */
  listens(port: number): boolean {
    for (const { listens } of this.#others) if (listens.includes(port)) return true;
    return false;
  }

  /** Whether another connector has a target there, so that a client may be its dial. */
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

  /** Each of the others once: two that start at the same time have two connections. */
  #each(): Other[] {
    return [...new Map([...this.#others].map((other) => [other.id, other])).values()];
  }

  /** Resolves when the other connector has told its targets, or has gone. */
  #meet(socket: Socket): Promise<void> {
    socket.unref();
    socket.on("error", () => {});
    if (this.#others.size >= MAX_CONNECTORS) {
      socket.destroy();
      return Promise.resolve();
    }
    const other: Other = { socket, id: "", targets: [], listens: [], asked: new Map() };
    this.#others.add(other);
    const { promise, resolve } = Promise.withResolvers<void>();
    let unread = 0;
    socket.on("data", (chunk: Buffer) => {
      unread = chunk.includes(10) ? 0 : unread + chunk.length;
      if (unread > MAX_UNREAD) socket.destroy();
    });
    createInterface({ input: socket })
      // Node 24 emits the socket's errors here as well; unheard, they would end the process.
      .on("error", () => {})
      .on("line", (line) => this.#hear(other, line, resolve));
    socket.on("close", () => {
      this.#others.delete(other);
      for (const answered of other.asked.values()) answered(null);
      resolve();
      if (other.targets.length > 0) this.#onChange();
    });
    this.#tell(other);
    return promise;
  }

  #hear(other: Other, line: string, told: () => void): void {
    const said = Said.safeParse(readJson(line));
    if (!said.success) return;
    const { data } = said;
    if ("targets" in data) {
      const { site } = data;
      other.id = data.id;
      other.listens = data.listens;
      other.targets = data.targets.map(([address, port, service]) => ({ address, port, service, site }));
      told();
      this.#onChange();
    } else if ("ask" in data) {
      const { ask } = data;
      void this.#options
        .hopsOf(data.address, data.port)
        .then((hops) => other.socket.write(`${JSON.stringify({ answer: ask, hops })}\n`));
    } else other.asked.get(data.answer)?.(data.hops);
  }

  #tell({ socket }: Other): void {
    const targets = this.#own.map(({ address, port, service }) => [address, port, service]);
    socket.write(
      `${JSON.stringify({ id: this.#id, site: this.#options.site(), listens: this.#options.listens ?? [], targets })}\n`,
    );
  }

  async #ask(other: Other, address: string, port: number): Promise<number | null> {
    const ask = ++this.#asks;
    const { promise, resolve } = Promise.withResolvers<number | null>();
    other.asked.set(ask, resolve);
    other.socket.write(`${JSON.stringify({ ask, address, port })}\n`);
    const answered = await resolvesWithin(promise, ANSWER_MS);
    other.asked.delete(ask);
    return answered ? await promise : null;
  }
}

/** Names in the abstract namespace that begin so. */
function namesWith(prefix: string): string[] {
  try {
    const found: string[] = [];
    for (const line of readFileSync("/proc/net/unix", "latin1").split("\n")) {
      const at = line.indexOf(` @${prefix}`);
      if (at >= 0) found.push(line.slice(at + 2).trim());
    }
    // A connection that was accepted bears its listener's name.
    return [...new Set(found)];
  } catch {
    return [];
  }
}

const plain = (address: string) => address.replace(/^::ffff:(?=\d+\.)/i, "");

/** Dialling 0.0.0.0 or :: reaches the loopback address. */
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
