/** Reads secrets from files or standard input, because every user of a machine sees the words of a command. */
import { readFile } from "node:fs/promises";
import { unreadable } from "../../files/file-errors.ts";
import type { Io } from "./io.ts";

/**
 * Reads the text of a file, or standard input if `source` is "-".
 * @param name the option that named the file
 * @param from where such a file comes from, in a sentence
 * @throws FairleadError `file.unreadable`
 */
export async function readSecretText(
  io: Pick<Io, "readInput">,
  source: string,
  name: string,
  from: string,
): Promise<string> {
  if (source === "-") return await io.readInput();
  return await readFile(source, "utf8").catch((thrown: unknown) => {
    throw unreadable(thrown, { what: `${name}:`, path: source, source: from });
  });
}
