/** Secret files of commands: readable by their owner alone, and opened before the secret is created. */
import { FairleadError } from "../../../protocol/errors.ts";
import { unwritable } from "../../files/file-errors.ts";
import { DraftFile, troubleWith } from "../../state/draft-file.ts";

const unusable = (why: string) =>
  new FairleadError("request.invalid", `--output: ${why}`, {
    action: "Give the path of a regular file, or of one that does not exist yet.",
  });

/**
 * Opens a file, creates the secret and writes it, in this order, so that no secret exists that cannot be kept. A
 * regular file is replaced after `make` succeeded; a link, a pipe or a device is refused.
 * @throws FairleadError `request.invalid`, `file.unwritable`; any error of `make`, and then no file has changed.
 */
export async function intoSecretFile<T>(
  path: string,
  make: () => Promise<{ readonly text: string | Uint8Array; readonly made: T }>,
): Promise<T> {
  const failed = (thrown: unknown) => {
    throw unwritable(thrown, { what: "--output:", path });
  };
  const trouble = await troubleWith(path).catch(failed);
  if (trouble !== null) throw unusable(trouble);
  const draft = await DraftFile.open(path).catch(failed);
  try {
    const { text, made } = await make();
    await draft.commit(text).catch(failed);
    return made;
  } finally {
    await draft.discard();
  }
}
