/** Secret files of commands: readable by their owner alone, and opened before the secret is created. */
import { FairleadError } from "../../../protocol/errors.ts";
import { DraftFile, troubleWith } from "../../state/draft-file.ts";

const unusable = (why: string, cause?: unknown) =>
  new FairleadError("request.invalid", `--output: ${why}`, { cause });

const failed = (cause: unknown) =>
  unusable(`${cause instanceof Error ? cause.message : String(cause)}.`, cause);

/**
 * Opens a file, creates the secret and writes it, in this order, so that no secret exists that cannot be kept. A
 * regular file is replaced after `make` succeeded; a link, a pipe or a device is refused.
 * @throws FairleadError `request.invalid`; any error of `make`, and then no file has changed.
 */
export async function intoSecretFile<T>(
  path: string,
  make: () => Promise<{ readonly text: string | Uint8Array; readonly made: T }>,
): Promise<T> {
  const trouble = await troubleWith(path);
  if (trouble !== null) throw unusable(trouble);
  const draft = await DraftFile.open(path).catch((thrown: unknown) => {
    throw failed(thrown);
  });
  try {
    const { text, made } = await make();
    await draft.commit(text).catch((thrown: unknown) => {
      throw failed(thrown);
    });
    return made;
  } finally {
    await draft.discard();
  }
}
