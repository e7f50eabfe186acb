/** The surroundings of a command: streams, environment, clock and signals. Tests pass their own. */
import type { Interruption } from "./interruption.ts";
import { standardOutput } from "./standard-output.ts";

/** An output stream of a command. */
export interface Output {
  write(text: string): unknown;
  readonly isTTY: boolean;
  /** Width of the terminal; undefined if the stream is not a terminal. */
  readonly columns: number | undefined;
}

export interface Io {
  readonly stdout: Output;
  readonly stderr: Output;
  readonly env: Readonly<Record<string, string | undefined>>;
  /** Whether the command can ask the user. */
  readonly interactive: boolean;
  /** Asks a question on stderr and resolves with the typed line, which is not shown when it is hidden. */
  ask(question: string, options?: { readonly hidden?: boolean }): Promise<string>;
  /** Reads standard input to its end. */
  readInput(): Promise<string>;
  /**
   * Returns a signal that aborts at the first SIGINT or SIGTERM; the second ends the process at once. Before the first
   * call, both end the process by default.
   */
  untilInterrupted(): AbortSignal;
  /** Calls the listener at each SIGHUP, which from then on no longer ends the process. */
  onHangup(listener: () => void): void;
  /**
   * From now on, text that stdout or stderr cannot take is dropped. Commands that run long call it once they have
   * started: a full disk or a closed pipe costs them log lines, and nothing else.
   */
  dropFailedOutput(): void;
  /** The time, ms since 1970. */
  now(): number;
}

/** The surroundings of this process. */
export function processIo(interruption: Interruption): Io {
  let dropping = false;
  const exit = (code: number) => process.exit(code);
  return {
    stdout: standardOutput(process.stdout, { drops: () => dropping, exit }),
    // An error that stderr cannot take has no other place.
    stderr: standardOutput(process.stderr, { drops: () => true, exit }),
    dropFailedOutput() {
      dropping = true;
    },
    env: process.env,
    interactive: process.stdin.isTTY === true && process.stderr.isTTY === true,
    now: Date.now,
    async ask(question, { hidden = false } = {}) {
      const [{ createInterface }, { Writable }] = await Promise.all([
        import("node:readline/promises"),
        import("node:stream"),
      ]);
      if (!hidden) {
        const reader = createInterface({ input: process.stdin, output: process.stderr });
        return await reader.question(question).finally(() => reader.close());
      }
      process.stderr.write(question);
      // The interface echoes what is typed to its output, and keeps the terminal from doing so.
      const output = new Writable({ write: (_, __, done) => done() });
      const reader = createInterface({ input: process.stdin, output, terminal: true });
      return await reader.question("").finally(() => {
        reader.close();
        process.stderr.write("\n");
      });
    },
    async readInput() {
      const { text } = await import("node:stream/consumers");
      return await text(process.stdin);
    },
    untilInterrupted: () => interruption.claim(),
    onHangup(listener) {
      process.on("SIGHUP", listener);
    },
  };
}
