/** Reads files that are in memory, with the checks of a state directory. */
import type * as z from "zod";
import type { FairleadError } from "../../protocol/errors.ts";
import { corruptState } from "./errors.ts";
import { parseRecord } from "./record.ts";
import type { Files, StateReader } from "./store.ts";

/** Where files are, for messages. */
export interface FilesPlace {
  /** `the Secret shop/fairlead-state` */
  readonly place: string;
  /** What to do about a damaged file. */
  readonly action: string;
}

export class FilesReader implements StateReader {
  readonly #files: Files;
  readonly #place: string;
  readonly #action: string;

  constructor(files: Files, { place, action }: FilesPlace) {
    this.#files = files;
    this.#place = place;
    this.#action = action;
  }

  file(name: string): string {
    return `${name} of ${this.#place}`;
  }

  corrupt(name: string, why: string, { cause }: { cause?: unknown } = {}): FairleadError {
    return corruptState(`${this.file(name)} ${why}.`, "connector", { action: this.#action, cause });
  }

  read(name: string): Promise<Buffer<ArrayBuffer> | null> {
    const content = this.#files[name];
    return Promise.resolve(content === undefined ? null : Buffer.from(content));
  }

  async readJson<T>(name: string, schema: z.ZodType<T>, newest = 0): Promise<T | null> {
    const content = this.#files[name];
    if (content === undefined) return null;
    try {
      return parseRecord(content, schema, { file: this.file(name), newest, role: "connector" });
    } catch (cause) {
      throw this.corrupt(name, "does not have the expected form", { cause });
    }
  }
}
