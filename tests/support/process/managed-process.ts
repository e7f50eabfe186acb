/**
 * Child processes that never outlive this one. A shell forks a watchdog and then becomes the program. The watchdog
 * reads from a pipe of this process. When this process dies, the kernel closes the pipe and the watchdog ends the
 * program.
 */
import { type ChildProcess, spawn } from "node:child_process";
import { createInterface } from "node:readline";
import { type Readable, Writable } from "node:stream";

/** Becomes "$@" under its own pid. Descriptor 3 is the pipe; $0 is the watchdog's signal, for the process or its group. */
const launcher = (target: "$$" | "-$$") =>
  `(trap "" HUP INT TERM; read -r _ <&3 || kill -s "$0" -- ${target}) >/dev/null 2>&1 </dev/null & exec 3<&-; exec "$@"`;

/** Becomes the program with its descriptors limited to $0. */
const LIMITER = `ulimit -n "$0" && exec "$@"`;

/** Lines kept of each process. */
const KEPT_LINES = 5000;

/** How long the output of a process may stay open after its exit, ms. */
const ORPHANS_MS = 500;

export interface ProcessOptions {
  /** Name in messages. */
  readonly name: string;
  readonly command: string;
  readonly args: readonly string[];
  readonly env: Readonly<Record<string, string>>;
  readonly uid?: number;
  readonly gid?: number;
  /** Limit of open descriptors. The default is that of this process. */
  readonly descriptors?: number;
  /** Signal that the watchdog sends when this process has died. */
  readonly orphanSignal?: "KILL" | "QUIT";
  /** Whether signals go to the whole process group, as those of a terminal do. What is left of it ends with the process. */
  readonly group?: boolean;
}

export interface Exit {
  /** Exit status; null when a signal ended it. */
  readonly status: number | null;
  readonly signal: NodeJS.Signals | null;
}

interface Line {
  readonly from: "out" | "err";
  readonly text: string;
}

const live = new Set<ManagedProcess>();
// Ends the children before the watchdogs do.
process.on("exit", () => {
  for (const each of live) each.kill("SIGKILL");
});

export class ManagedProcess {
  readonly name: string;
  /** Resolves when the process has exited and its last line was read. */
  readonly exited: Promise<Exit>;
  readonly #child: ChildProcess;
  readonly #lines: Line[] = [];
  readonly #watchers = new Set<() => void>();
  readonly #group: boolean;
  #exit: Exit | null = null;

  constructor(options: ProcessOptions) {
    this.name = options.name;
    const { uid, gid, descriptors, group = false } = options;
    this.#group = group;
    const limited = descriptors === undefined ? [] : ["/bin/sh", "-c", LIMITER, String(descriptors)];
    this.#child = spawn(
      "/bin/sh",
      [
        ...["-c", launcher(group ? "-$$" : "$$"), options.orphanSignal ?? "KILL"],
        ...[...limited, options.command, ...options.args],
      ],
      {
        stdio: ["ignore", "pipe", "pipe", "pipe"],
        env: { ...options.env },
        // Ctrl-C reaches this process alone, which then ends the others in order.
        detached: true,
        ...(uid === undefined ? {} : { uid }),
        ...(gid === undefined ? {} : { gid }),
      },
    );
    live.add(this);
    this.#read("out", this.#child.stdout);
    this.#read("err", this.#child.stderr);
    this.exited = this.#watchEnd();
  }

  get pid(): number {
    return this.#child.pid ?? -1;
  }

  /** Exit of the process; null while it runs. */
  get exit(): Exit | null {
    return this.#exit;
  }

  /** The kept lines of standard output. */
  get stdout(): string {
    return this.#text("out");
  }

  get stderr(): string {
    return this.#text("err");
  }

  /** Returns the last lines of both streams, in order. */
  lastLines(count: number): string[] {
    return this.#lines.slice(-count).map(({ text }) => text);
  }

  /**
   * Waits until `find` finds something in the output.
   * @throws Error with the last lines when the process exits first, or after `within` ms
   */
  async output<T>(what: string, find: (process: this) => T | null, within = 120_000): Promise<T> {
    return await new Promise<T>((resolve, reject) => {
      const settle = (end: () => void) => {
        clearTimeout(timer);
        this.#watchers.delete(look);
        end();
      };
      const fail = (why: string) =>
        settle(() => reject(new Error(`${this.name}: ${what}: ${why}\n${this.lastLines(30).join("\n")}`)));
      const look = () => {
        const found = find(this);
        if (found !== null) settle(() => resolve(found));
        else if (this.#exit) fail(`it ended before (${describeExit(this.#exit)})`);
      };
      const timer = setTimeout(() => fail(`not within ${within / 1000} s`), within);
      this.#watchers.add(look);
      look();
    });
  }

  kill(signal: NodeJS.Signals): void {
    if (this.#exit !== null) return;
    if (!this.#group) this.#child.kill(signal);
    else this.#signalGroup(signal);
  }

  #signalGroup(signal: NodeJS.Signals): void {
    try {
      if (this.#child.pid !== undefined) process.kill(-this.#child.pid, signal);
    } catch {
      // Nothing is left of the group.
    }
  }

  /** Sends SIGKILL and waits until the process has exited. */
  async kill9(): Promise<Exit> {
    this.kill("SIGKILL");
    return await this.exited;
  }

  /** Asks the process to exit, and kills it after `grace` ms: by default when it hangs, however slow the machine is. */
  async stop(grace = 120_000, signal: NodeJS.Signals = "SIGTERM"): Promise<Exit> {
    this.kill(signal);
    const timer = setTimeout(() => this.kill("SIGKILL"), grace);
    const exit = await this.exited;
    clearTimeout(timer);
    return exit;
  }

  #read(from: Line["from"], stream: Readable | null): void {
    if (stream === null) return;
    const lines = createInterface({ input: stream, crlfDelay: Number.POSITIVE_INFINITY });
    for (const emitter of [stream, lines]) emitter.on("error", () => {});
    lines.on("line", (text) => {
      this.#lines.push({ from, text });
      if (this.#lines.length > KEPT_LINES) this.#lines.shift();
      for (const watcher of [...this.#watchers]) watcher();
    });
  }

  #watchEnd(): Promise<Exit> {
    return new Promise((resolve) => {
      const finish = (exit: Exit) => {
        if (this.#exit !== null) return;
        this.#exit = exit;
        live.delete(this);
        for (const watcher of [...this.#watchers]) watcher();
        resolve(exit);
      };
      this.#child.once("error", (error) => {
        this.#lines.push({ from: "err", text: error.message });
        finish({ status: null, signal: null });
      });
      this.#child.once("exit", (status, signal) => {
        if (this.#group) this.#signalGroup("SIGKILL");
        // A line ends the watchdog.
        const watchdog = this.#child.stdio[3];
        if (watchdog instanceof Writable) watchdog.on("error", () => {}).end("\n");
        // "close" comes after the last line. Orphans of a killed process may hold the pipes longer. What the process
        // itself wrote is in the pipes by now: one turn of the event loop reads all of it.
        setTimeout(() => setImmediate(() => finish({ status, signal })), ORPHANS_MS).unref();
      });
      this.#child.once("close", (status, signal) => finish({ status, signal }));
    });
  }

  #text(from: Line["from"]): string {
    return this.#lines
      .filter((line) => line.from === from)
      .map((line) => line.text)
      .join("\n");
  }
}

export function describeExit(exit: Exit): string {
  return exit.signal === null ? `status ${exit.status}` : `signal ${exit.signal}`;
}
