/** Reads secrets from files or standard input, because every user of a machine sees the words of a command. */
import { readFile } from "node:fs/promises";
import { FairleadError } from "../../../protocol/errors.ts";
import type { Io } from "./io.ts";

/**
 * Reads the text of a file, or standard input if `source` is "-".
 * @param name the option that named the file
 * @throws FairleadError `request.invalid`
 */
export async function readSecretText(
  io: Pick<Io, "readInput">,
  source: string,
  name: string,
): Promise<string> {
  if (source === "-") return await io.readInput();
  return await readFile(source, "utf8").catch((thrown: unknown) => {
    const why = thrown instanceof Error ? thrown.message : String(thrown);
    throw new FairleadError("request.invalid", `${name}: ${why}`, { cause: thrown });
  });
}
