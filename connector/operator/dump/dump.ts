/** Collects the files of a dump. A file that cannot be made leaves its error in the dump, and the others go on. */
import { FairleadError } from "../../../protocol/errors.ts";
import type { ArchivedFile } from "./archive.ts";
import { redacted } from "./redaction.ts";

/** A file that a dump has, and what is in it. */
export interface DumpSource {
  readonly name: string;
  /** A sentence for people. */
  readonly what: string;
  /** Makes the content: a text, or a value that is written as JSON. */
  readonly read: () => Promise<unknown>;
}

/** What became of a source. */
export interface DumpedFile {
  readonly name: string;
  readonly what: string;
  /** Why the file is missing; absent for a file that is there. */
  readonly error?: { readonly code: string; readonly message: string };
}

export interface Dump {
  readonly files: readonly ArchivedFile[];
  readonly contents: readonly DumpedFile[];
}

/** What no dump has, as its README says. */
export const LEFT_OUT =
  "Keys, certificates, tokens, passwords, the content of traffic, and the variables of the environment are not in it. What looks like a secret in a text is replaced by [redacted].";

/** Reads the sources one after another. @param progress is called before each. */
export async function collectDump(
  sources: readonly DumpSource[],
  progress: (source: DumpSource) => void,
): Promise<Dump> {
  const files: ArchivedFile[] = [];
  const contents: DumpedFile[] = [];
  for (const source of sources) {
    const { name, what, read } = source;
    progress(source);
    try {
      const content = await read();
      const text = typeof content === "string" ? content : `${JSON.stringify(content, null, 2)}\n`;
      files.push({ name, text: redacted(text) });
      contents.push({ name, what });
    } catch (thrown) {
      contents.push({ name, what, error: errorOf(thrown) });
    }
  }
  const failed = contents.filter(({ error }) => error !== undefined);
  if (failed.length > 0)
    files.push({ name: "errors.json", text: redacted(`${JSON.stringify(failed, null, 2)}\n`) });
  return { files: [{ name: "README.txt", text: readmeOf(contents) }, ...files], contents };
}

function errorOf(thrown: unknown): { readonly code: string; readonly message: string } {
  if (thrown instanceof FairleadError) return { code: thrown.code, message: thrown.message };
  return { code: "stream.internal", message: thrown instanceof Error ? thrown.message : String(thrown) };
}

function readmeOf(contents: readonly DumpedFile[]): string {
  const lines = contents.map(({ name, what, error }) =>
    error === undefined ? `${name}: ${what}` : `${name} is missing: ${redacted(error.message)}`,
  );
  return `${["A dump of Fairlead, made by `fairlead debug dump`.", "", ...lines, "", LEFT_OUT].join("\n")}\n`;
}
