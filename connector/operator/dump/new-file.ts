/** Files that a command makes and that replace none. */
import { open, rm } from "node:fs/promises";
import { FairleadError } from "../../../protocol/errors.ts";
import { unwritable } from "../../files/file-errors.ts";

/**
 * Makes a file that only its owner can read, and then its content, so that nothing is made that cannot be kept.
 * @throws FairleadError `file.unwritable`, also if there is such a file; any error of `make`.
 */
export async function writeNew<T>(
  path: string,
  make: () => Promise<{ readonly content: Uint8Array; readonly made: T }>,
): Promise<T> {
  const file = await open(path, "wx", 0o600).catch((cause: NodeJS.ErrnoException) => {
    if (cause.code !== "EEXIST") throw unwritable(cause, { what: "--output:", path });
    throw new FairleadError("file.unwritable", `--output: ${path} exists already.`, {
      action: "Give another name, or remove the file.",
    });
  });
  try {
    const { content, made } = await make();
    await file.writeFile(content).catch((cause: unknown) => {
      throw unwritable(cause, { what: "--output:", path });
    });
    return made;
  } catch (error) {
    await rm(path, { force: true });
    throw error;
  } finally {
    await file.close();
  }
}
