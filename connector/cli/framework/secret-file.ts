/** Files that commands write secrets to: for their owner only, and opened before the secret is made. */
import { FairleadError } from "../../../protocol/errors.ts";
import { DraftFile, troubleWith } from "../../state/draft-file.ts";

const unusable = (why: string, cause?: unknown) =>
  new FairleadError("request.invalid", `--output: ${why}`, { cause });

/**
 * Opens the file, makes the secret and writes it: a secret that cannot be kept should not be made. A regular file that
 * is there is replaced when all has worked out; a link, a pipe or a device is refused.
 * @throws FairleadError `request.invalid`; what `make` throws, and then nothing has changed.
 */
export async function intoSecretFile<T>(
  path: string,
  make: () => Promise<{ readonly text: string | Uint8Array; readonly made: T }>,
): Promise<T> {
  const trouble = await troubleWith(path);
  if (trouble !== null) throw unusable(trouble);
  const draft = await DraftFile.open(path).catch((thrown: unknown) => {
    throw unusable(thrown instanceof Error ? thrown.message : String(thrown), thrown);
  });
  try {
    const { text, made } = await make();
    await draft.commit(text).catch((thrown: unknown) => {
      throw unusable(thrown instanceof Error ? thrown.message : String(thrown), thrown);
    });
    return made;
  } finally {
    await draft.discard();
  }
}
