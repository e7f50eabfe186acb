/** Secrets that commands read: from files or standard input, since every user of a machine sees the words of a command. */
import { readFile } from "node:fs/promises";
import { FairleadError } from "../../../protocol/errors.ts";
import type { Io } from "./io.ts";

/**
 * The text of a file, or of standard input when `source` is "-".
 * @param name says which option named it.
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
