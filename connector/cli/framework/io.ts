/** The outside of a command: its streams, its environment, its clock, its signals. Tests pass their own. */
import { EXIT } from "./exit.ts";

/** A stream that a command writes to. */
export interface Output {
  write(text: string): unknown;
  readonly isTTY: boolean;
  /** Width of the terminal; undefined when it is none. */
  readonly columns: number | undefined;
}

export interface Io {
  readonly stdout: Output;
  readonly stderr: Output;
  readonly env: Readonly<Record<string, string | undefined>>;
  /** Whether a person can be asked. */
  readonly interactive: boolean;
  /** Asks a question on stderr and resolves with the line that was typed. */
  ask(question: string): Promise<string>;
  /** Everything that standard input has. */
  readInput(): Promise<string>;
  /**
   * A signal that aborts at the first SIGINT or SIGTERM; the second ends the process at once. Until the
   * first call, both end the process as they always do.
   */
  untilInterrupted(): AbortSignal;
  /** Calls the listener at each SIGHUP, which from then on no longer ends the process. */
  onHangup(listener: () => void): void;
  /** Milliseconds since 1970. */
  now(): number;
}

/** The process's own. */
export function processIo(): Io {
  let interrupted: AbortSignal | undefined;
  for (const stream of [process.stdout, process.stderr]) {
    // `fairlead … | head` closes the pipe early; nobody is left to read an error either.
    stream.on("error", () => process.exit(EXIT.ok));
  }
  return {
    stdout: outputOf(process.stdout),
    stderr: outputOf(process.stderr),
    env: process.env,
    interactive: process.stdin.isTTY === true && process.stderr.isTTY === true,
    now: Date.now,
    async ask(question) {
      const { createInterface } = await import("node:readline/promises");
      const reader = createInterface({ input: process.stdin, output: process.stderr });
      try {
        return await reader.question(question);
      } finally {
        reader.close();
      }
    },
    async readInput() {
      const { text } = await import("node:stream/consumers");
      return await text(process.stdin);
    },
    untilInterrupted() {
      if (interrupted === undefined) {
        const controller = new AbortController();
        const onSignal = () => {
          if (controller.signal.aborted) process.exit(EXIT.interrupted);
          controller.abort();
        };
        process.on("SIGINT", onSignal);
        process.on("SIGTERM", onSignal);
        interrupted = controller.signal;
      }
      return interrupted;
    },
    onHangup(listener) {
      process.on("SIGHUP", listener);
    },
  };
}

function outputOf(stream: NodeJS.WriteStream): Output {
  return {
    write: (text) => stream.write(text),
    get isTTY() {
      return stream.isTTY === true;
    },
    get columns() {
      return stream.isTTY ? stream.columns : undefined;
    },
  };
}
