/**
 * The state directory of an edge or a connector: one process at a time, files for its owner only, and
 * every file either the old one or the new one, whenever the power goes.
 */
import { mkdirSync } from "node:fs";
import { readFile, rm } from "node:fs/promises";
import { join, resolve } from "node:path";
import type { z } from "zod";
import { parseJsonWith } from "../../protocol/parse.ts";
import { DraftFile, syncDirectory } from "./draft-file.ts";
import { errnoOf, stateError } from "./errors.ts";
import { acquireLock, type Lock } from "./lock.ts";

export interface WriteOptions {
  /** Permission bits of the file; 0600 when not given. */
  readonly mode?: number;
}

/**
 * Opens and locks a state directory, making it (mode 0700) where it does not exist. The mode of one that
 * exists is its owner's business; the files in it are 0600 either way.
 *
 * @throws FairleadError state.locked, state.unwritable, state.full, state.corrupt
 */
export function openStateDirectory(path: string, options: { readonly role: string }): StateDirectory {
  const directory = resolve(path);
  try {
    mkdirSync(directory, { recursive: true, mode: 0o700 });
  } catch (error) {
    throw stateError(error, directory);
  }
  return new StateDirectory(directory, acquireLock(directory, options.role));
}

export class StateDirectory {
  /** Absolute. */
  readonly path: string;
  readonly #lock: Lock;
  /** Changes happen one after another, so that the last one asked for is the one that stays. */
  #last: Promise<unknown> = Promise.resolve();

  constructor(path: string, lock: Lock) {
    this.path = path;
    this.#lock = lock;
  }

  /** Where a file of that name is. */
  file(name: string): string {
    return join(this.path, name);
  }

  /** The file's bytes; null when there is no such file. @throws FairleadError state.unwritable */
  async read(name: string): Promise<Buffer<ArrayBuffer> | null> {
    try {
      return await readFile(this.file(name));
    } catch (error) {
      if (errnoOf(error) === "ENOENT") return null;
      throw stateError(error, this.file(name));
    }
  }

  /**
   * A JSON file as its schema reads it; null when there is no such file.
   *
   * @throws FairleadError state.corrupt when it is no JSON or does not fit the schema; state.unwritable
   */
  async readJson<T>(name: string, schema: z.ZodType<T>): Promise<T | null> {
    const bytes = await this.read(name);
    if (bytes === null) return null;
    const what = `${this.file(name)} does not have its form`;
    return parseJsonWith(schema, bytes.toString("utf8"), { code: "state.corrupt", what });
  }

  /**
   * Replaces the file at once and for good: when this resolves, the new content is on the disk; until then
   * a crash leaves the old one.
   *
   * @throws FairleadError state.full, state.unwritable; the old file stays
   */
  async writeAtomic(name: string, data: string | Uint8Array, options: WriteOptions = {}): Promise<void> {
    await this.#inOrder(async () => {
      let draft: DraftFile | undefined;
      try {
        draft = await DraftFile.open(this.file(name), options.mode);
        await draft.commit(data);
      } catch (error) {
        await draft?.discard();
        throw stateError(error, this.file(name));
      }
    });
  }

  /** Removes the file, if it is there. @throws FairleadError state.unwritable */
  async remove(name: string): Promise<void> {
    await this.#inOrder(async () => {
      try {
        await rm(this.file(name), { force: true });
        await syncDirectory(this.path);
      } catch (error) {
        throw stateError(error, this.file(name));
      }
    });
  }

  /** Waits for changes under way, then lets the next process in. Can be called twice. */
  async close(): Promise<void> {
    await this.#last;
    this.#lock.release();
  }

  #inOrder(change: () => Promise<void>): Promise<void> {
    const done = this.#last.then(change);
    this.#last = done.catch(() => {});
    return done;
  }
}
