/** Where a site keeps its state: texts by name. A state directory is one; connectors of one site can share another. */
import type * as z from "zod";
import type { FairleadError } from "../../protocol/errors.ts";
import type { Log } from "../log.ts";

/** Contents of files by name, in the order of writing. */
export type Files = Readonly<Record<string, string>>;

/** Files as they are read. */
export interface StateReader {
  /** What messages call a file: its path. */
  file(name: string): string;
  /**
   * The error of a file that is damaged, missing or not what it should be. It says how to recover.
   * @param why ends the sentence that begins with the file
   */
  corrupt(name: string, why: string, options?: { action?: string; cause?: unknown }): FairleadError;
  /** The file's bytes; null if it does not exist. @throws FairleadError `state.*` */
  read(name: string): Promise<Buffer<ArrayBuffer> | null>;
  /**
   * A JSON file as its schema parses it; null if it does not exist.
   * @param newest the highest `version` that this program knows; 0 for a file without one
   * @throws FairleadError `state.*`
   */
  readJson<T>(name: string, schema: z.ZodType<T>, newest?: number): Promise<T | null>;
}

export interface StateStore extends StateReader {
  /** The directory of what belongs to this process alone, such as its sockets. Absolute. */
  readonly path: string;
  /**
   * A JSON file that can be made anew; null if it does not exist. A damaged one is set aside, and the log says so.
   * @param loss what is lost, in a sentence
   * @throws FairleadError `state.unwritable`
   */
  readOrSetAside<T>(
    name: string,
    schema: z.ZodType<T>,
    options: { readonly loss: string; readonly log: Log },
  ): Promise<T | null>;
  /** Replaces a file of this process alone, atomically. @throws FairleadError `state.*` */
  writeAtomic(name: string, content: string): Promise<void>;
  /**
   * Creates a file unless it exists. Returns what is stored then: another connector of the site may have been first.
   * @throws FairleadError `state.*`
   */
  establish(name: string, content: string): Promise<string>;
  /**
   * Replaces files, each atomically, in their order.
   * @param before the files as the caller knows them: what another connector of the site changed since is kept
   * @returns whether the files are now as given; if not, the caller reads them again
   * @throws FairleadError `state.*`
   */
  replace(files: Files, before: Files): Promise<boolean>;
}
