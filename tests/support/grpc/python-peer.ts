/** Peers of gRPC on its C core, in Python: a server of the tests' service, and a client that performs one case. */
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { onTestFinished } from "vitest";
import { eventually } from "../clock/eventually.ts";
import { PYTHON } from "../conformance/peers.ts";
import { ManagedProcess } from "../process/managed-process.ts";
import { DESCRIPTORS } from "./definitions.ts";

const HERE = join(import.meta.dirname, "python");

/** What the server says of a call. Metadata whose name ends with `-bin` is in base64. */
export interface PythonCall {
  readonly method: string;
  readonly metadata: readonly (readonly [name: string, value: string])[];
  /** Time until the deadline, s; null for none. */
  readonly seconds: number | null;
}

type Event =
  | { readonly event: "listening"; readonly port: number }
  | ({ readonly event: "call" } & PythonCall)
  | { readonly event: "cancelled"; readonly method: string };

/** The programs, with the definitions that they read. Close it after the tests. */
export class PythonPeer {
  readonly #directory: string;
  readonly #definitions: string;
  readonly #servers: ManagedProcess[] = [];

  private constructor(directory: string) {
    this.#directory = directory;
    this.#definitions = join(directory, "descriptors.json");
  }

  static async create(): Promise<PythonPeer> {
    const peer = new PythonPeer(await mkdtemp(join(tmpdir(), "fl-")));
    const encoded = DESCRIPTORS.map((each) => Buffer.from(each).toString("base64"));
    await writeFile(peer.#definitions, JSON.stringify(encoded));
    return peer;
  }

  /** Starts a server, and resolves when it listens. */
  async serve(host: string): Promise<PythonServer> {
    const process = this.#start("server.py", host);
    this.#servers.push(process);
    const server = new PythonServer(host, process);
    await server.listens();
    return server;
  }

  /** Performs a case of client.py for the running test. @throws Error with the program's output when it fails */
  async perform(name: string, at: string): Promise<void> {
    const process = this.#start("client.py", at, name);
    onTestFinished(() => process.stop().then(() => {}));
    const { status } = await process.exited;
    if (status !== 0) throw new Error(`${name}: ${process.stdout}${process.stderr}`);
  }

  async close(): Promise<void> {
    await Promise.all(this.#servers.map((server) => server.stop()));
    await rm(this.#directory, { recursive: true, force: true });
  }

  #start(program: string, ...args: readonly string[]): ManagedProcess {
    return new ManagedProcess({
      name: `python3 ${program}`,
      command: PYTHON,
      args: ["-B", join(HERE, program), this.#definitions, ...args],
      env: { PATH: process.env.PATH ?? "" },
    });
  }
}

export class PythonServer {
  readonly #host: string;
  readonly #process: ManagedProcess;

  constructor(host: string, process: ManagedProcess) {
    this.#host = host;
    this.#process = process;
  }

  /** `HOST:PORT` */
  get at(): string {
    const listening = this.#events().find(({ event }) => event === "listening");
    return `${this.#host}:${listening?.event === "listening" ? listening.port : 0}`;
  }

  get calls(): readonly PythonCall[] {
    return this.#events().filter((each) => each.event === "call");
  }

  /** Calls whose client cancelled them, or whose deadline passed. */
  get cancelled(): number {
    return this.#events().filter(({ event }) => event === "cancelled").length;
  }

  /** Resolves with what the server got of the call that `make` makes, once it has told it. */
  async callOf(make: () => Promise<unknown>): Promise<PythonCall> {
    const before = this.calls.length;
    await make();
    return await eventually("the server in Python tells of a call", () => this.calls[before]);
  }

  async listens(): Promise<void> {
    await eventually("the server in Python listens", () =>
      this.#events().some(({ event }) => event === "listening"),
    );
  }

  #events(): Event[] {
    const lines = this.#process.stdout.split("\n").filter((line) => line !== "");
    return lines.map((line) => JSON.parse(line) as Event);
  }
}
