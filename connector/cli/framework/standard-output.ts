/** The standard streams as outputs of a command, with what happens when the text cannot be written. */
import { writeSync } from "node:fs";
import { Socket } from "node:net";
import { FairleadError } from "../../../protocol/errors.ts";
import { EXIT } from "./exit.ts";
import type { Output } from "./io.ts";

/** The part of `process.stdout` that an output needs. */
export interface StandardStream extends NodeJS.WritableStream {
  readonly fd: number;
  readonly isTTY?: boolean;
  readonly columns?: number;
}

export interface StandardOutputOptions {
  /** Whether text that cannot be written is dropped without an error. Asked at each failure. */
  readonly drops: () => boolean;
  /** Ends the process. */
  readonly exit: (code: number) => void;
}

/**
 * Wraps a standard stream. A reader that closed its pipe, as in `fairlead … | head`, ends the process quietly. Any other
 * failure, such as a full disk, is an error. A file is written directly: Node's stream closes at its first failure, and a
 * log must go on once the disk has space again.
 */
export function standardOutput(stream: StandardStream, { drops, exit }: StandardOutputOptions): Output {
  stream.on("error", (error: NodeJS.ErrnoException) => {
    if (!drops()) exit(error.code === "EPIPE" ? EXIT.ok : EXIT.failed);
  });
  const write = stream instanceof Socket ? (text: string) => stream.write(text) : intoFile(stream.fd, drops);
  return {
    write,
    get isTTY() {
      return stream.isTTY === true;
    },
    get columns() {
      return stream.isTTY ? stream.columns : undefined;
    },
  };
}

/** @returns a function that writes all of a text, and throws `output.failed` when it cannot */
function intoFile(fd: number, drops: () => boolean): (text: string) => void {
  return (text) => {
    const bytes = Buffer.from(text);
    try {
      for (let at = 0; at < bytes.length; ) at += writeSync(fd, bytes, at);
    } catch (error) {
      if (drops()) return;
      const why = error instanceof Error ? error.message : String(error);
      throw new FairleadError("output.failed", `The output cannot be written: ${why}.`, { cause: error });
    }
  };
}
