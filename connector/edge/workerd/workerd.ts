/**
 * One run of workerd.
 *
 * workerd must not outlive this process: a second workerd would corrupt the databases. So a shell forks a
 * watchdog that reads from a pipe of this process, and then becomes workerd. When this process ends, even by
 * SIGKILL, the kernel closes the pipe, and the watchdog kills workerd. When workerd ends first, a line
 * through the pipe ends the watchdog.
 */
import { type ChildProcess, spawn } from "node:child_process";
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { isSea } from "node:sea";
import { Readable, Writable } from "node:stream";
import * as z from "zod";
import { FairleadError } from "../../../protocol/errors.ts";
import type { Log } from "../../log.ts";
import { packageRoot } from "./bundle.ts";
import { memcpyTunables } from "./memcpy-tunables.ts";

/**
 * Forks the watchdog and becomes "$@". Descriptor 3 is the pipe. The watchdog ignores the signals of a
 * terminal.
 */
const LAUNCHER = `(trap "" HUP INT TERM; read -r _ <&3 || kill -9 $$) >/dev/null 2>&1 4>&- & exec 3<&-; exec "$@"`;

/** Descriptor on which workerd reports its listening sockets. */
const CONTROL = 4;

const Listening = z.object({ event: z.literal("listen"), socket: z.string() });

/** Refused clients, logged at debug: any client that reaches the socket can cause these lines. */
const REFUSED = /HTTP connection failed: TLS handshake failed/;

const OUT_OF_DESCRIPTORS = /Too many open files|EMFILE|ENFILE/;

const PORT_TAKEN = /^(?:Socket "(\w+)": )?bind\(\): Address already in use/;

/** Lines that an error shows. */
const KEPT_LINES = 20;

export interface WorkerdOptions {
  /** Absolute path of the configuration. */
  readonly config: string;
  /** The secrets. */
  readonly environment: Readonly<Record<string, string>>;
  /** Names of the sockets in the configuration. */
  readonly sockets: readonly string[];
  readonly log: Log;
}

export class Workerd {
  readonly #child: ChildProcess;
  readonly #log: Log;
  readonly #lines: string[] = [];
  /** Resolves when the process has ended, with its status or signal. */
  readonly ended: Promise<string>;
  /**
   * Resolves when every socket listens; rejects with edge.failed or edge.port_taken when the process ends
   * first.
   */
  readonly listening: Promise<void>;
  #gone = false;
  #outOfDescriptors = false;

  constructor(options: WorkerdOptions) {
    this.#log = options.log;
    const { PATH, HOME, TMPDIR } = process.env;
    const command = [findWorkerd(), "serve", "--control-fd", String(CONTROL), options.config];
    this.#child = spawn("/bin/sh", ["-c", LAUNCHER, "fairlead-edge", ...command], {
      stdio: ["ignore", "pipe", "pipe", "pipe", "pipe"],
      env: { PATH, HOME, TMPDIR, ...memcpyTunables(), ...options.environment },
      // A process group of its own: Ctrl-C reaches this process only, which then ends workerd.
      detached: true,
    });
    this.ended = this.#watchEnd();
    this.listening = this.#watchSockets(new Set(options.sockets));
    this.listening.catch(() => {});
    const [, stdout, stderr] = this.#child.stdio;
    if (stdout instanceof Readable) onLine(stdout, (line) => this.#log.info({ from: "workerd" }, line));
    if (stderr instanceof Readable) onLine(stderr, (line) => this.#onError(line));
  }

  get pid(): number | undefined {
    return this.#child.pid;
  }

  /** Whether it reported that it was out of descriptors. */
  get outOfDescriptors(): boolean {
    return this.#outOfDescriptors;
  }

  /** Ends the process; kills it after `grace` ms, since it would wait for open sockets forever. */
  async end(grace: number): Promise<void> {
    if (this.#gone) return;
    this.#child.kill("SIGTERM");
    const timer = setTimeout(() => this.#child.kill("SIGKILL"), grace);
    await this.ended;
    clearTimeout(timer);
  }

  #watchEnd(): Promise<string> {
    return new Promise((resolve) => {
      this.#child.once("exit", () => {
        this.#gone = true;
        const watchdog = this.#child.stdio[3];
        if (watchdog instanceof Writable) watchdog.on("error", () => {}).end("\n");
      });
      this.#child.once("error", (error) => resolve(error.message));
      // "close" follows the last line and the end of the watchdog.
      this.#child.once("close", (status, signal) =>
        resolve(signal === null ? `status ${status}` : `signal ${signal}`),
      );
    });
  }

  #watchSockets(missing: Set<string>): Promise<void> {
    return new Promise((resolve, reject) => {
      const control = this.#child.stdio[CONTROL];
      if (control instanceof Readable) {
        onLine(control, (line) => {
          const event = parseEvent(line);
          if (event !== null) missing.delete(event.socket);
          if (missing.size === 0) resolve();
        });
      }
      this.ended.then((how) => reject(this.#failure(how)));
    });
  }

  #onError(line: string): void {
    if (REFUSED.test(line)) {
      this.#log.debug({ from: "workerd" }, line);
      return;
    }
    if (OUT_OF_DESCRIPTORS.test(line)) this.#outOfDescriptors = true;
    this.#lines.push(line);
    if (this.#lines.length > KEPT_LINES) this.#lines.shift();
    this.#log.warn({ from: "workerd" }, line);
  }

  #failure(how: string): FairleadError {
    const taken = this.#lines.map((line) => PORT_TAKEN.exec(line)).find((match) => match !== null);
    const printed = this.#lines.join("\n");
    return taken === undefined
      ? new FairleadError("edge.failed", `workerd did not start (${how}).\n${printed}`.trimEnd())
      : new FairleadError("edge.port_taken", `Another program holds the port of the ${taken[1]} address.`);
  }
}

function onLine(stream: Readable, use: (line: string) => void): void {
  const lines = createInterface({ input: stream, crlfDelay: Number.POSITIVE_INFINITY });
  // Node 24 emits the stream's errors on the interface as well.
  for (const emitter of [stream, lines]) emitter.on("error", () => {});
  lines.on("line", (line) => {
    if (line !== "") use(line);
  });
}

function parseEvent(line: string): z.infer<typeof Listening> | null {
  try {
    return Listening.safeParse(JSON.parse(line)).data ?? null;
  } catch {
    return null;
  }
}

/** Path of the binary of the npm package workerd, an optional peer. @throws FairleadError edge.workerd_missing */
export function findWorkerd(): string {
  if (isSea()) {
    const action = "Install the package and workerd to run an edge; docs/install.md says how.";
    throw new FairleadError("edge.workerd_missing", "The single file has no edge.", { action });
  }
  try {
    return z.object({ default: z.string() }).parse(createRequire(import.meta.url)("workerd")).default;
  } catch (error) {
    const text = `workerd is not installed${wantedVersion()}.`;
    throw new FairleadError("edge.workerd_missing", text, { cause: error });
  }
}

const Peers = z.object({ peerDependencies: z.object({ workerd: z.string() }) });

/** The version of workerd that this package is tested with, as the end of a sentence. */
function wantedVersion(): string {
  const root = packageRoot(import.meta.dirname);
  if (root === null) return "";
  const { data } = Peers.safeParse(JSON.parse(readFileSync(join(root, "package.json"), "utf8")));
  return data === undefined ? "" : `; this Fairlead runs workerd@${data.peerDependencies.workerd}`;
}
