/**
 * The state directory of an edge or a connector. One process uses it at a time, only its owner reads its files, and a
 * write is atomic: after a crash, a file has its old or its new content.
 */
import { readFile, rename, rm } from "node:fs/promises";
import { join, resolve } from "node:path";
import type * as z from "zod";
import { FairleadError } from "../../protocol/errors.ts";
import type { Log } from "../log.ts";
import { DraftFile, syncDirectory } from "./draft-file.ts";
import { corruptState, errnoOf, type Role, stateError } from "./errors.ts";
import { acquireLock, type Lock } from "./lock.ts";
import { makeDirectory } from "./make-directory.ts";
import { ownerOf } from "./owner.ts";
import { parseRecord } from "./record.ts";
import type { Files, StateStore } from "./store.ts";

export interface WriteOptions {
  /** Permission bits of the file; 0600 unless given. */
  readonly mode?: number;
}

/**
 * Opens and locks a state directory, and creates it with mode 0700 if it does not exist. The mode of an existing
 * directory is not changed; the files in it have mode 0600.
 * @throws FairleadError state.foreign, state.locked, state.unwritable, state.full, state.corrupt.
 */
export function openStateDirectory(path: string, { role }: { readonly role: Role }): StateDirectory {
  const directory = resolve(path);
  try {
    makeDirectory(directory);
  } catch (error) {
    throw stateError(error, directory);
  }
  checkOwner(directory, role);
  return new StateDirectory(directory, acquireLock(directory, role), role);
}

/** Refuses the directory of another kind of process, whose files have the same names in part. */
function checkOwner(directory: string, role: string): void {
  const owner = ownerOf(directory);
  if (owner === null || (owner === "connector") === (role === "connector")) return;
  const action =
    owner === "connector"
      ? "Choose another directory for the edge with --state; `fairlead connector run --state DIR` starts the connector of this one."
      : "Choose another directory for the connector with --state; `fairlead edge start --state DIR` starts the edge of this one.";
  const of = owner === "connector" ? "a connector" : "an edge";
  throw new FairleadError("state.foreign", `${directory} is the state directory of ${of}.`, { action });
}

export class StateDirectory implements StateStore {
  /** Absolute. */
  readonly path: string;
  readonly #lock: Lock;
  readonly #role: Role;
  /** The last change. Changes run one after another, in the order of the calls. */
  #last: Promise<unknown> = Promise.resolve();

  constructor(path: string, lock: Lock, role: Role) {
    this.path = path;
    this.#lock = lock;
    this.#role = role;
  }

  /** The path of a file in the directory. */
  file(name: string): string {
    return join(this.path, name);
  }

  /**
   * The error of a file that is damaged, missing or not what it should be. It says how to recover.
   * @param why ends the sentence that begins with the file's path
   */
  corrupt(name: string, why: string, options: { action?: string; cause?: unknown } = {}): FairleadError {
    return corruptState(`${this.file(name)} ${why}.`, this.#role, options);
  }

  /**
   * The file's bytes; null if it does not exist.
   * @throws FairleadError state.unwritable if it cannot be read; state.corrupt if it is a directory.
   */
  async read(name: string): Promise<Buffer<ArrayBuffer> | null> {
    try {
      return await readFile(this.file(name));
    } catch (error) {
      const errno = errnoOf(error);
      if (errno === "ENOENT") return null;
      if (errno === "EISDIR") throw this.corrupt(name, "is a directory, not a file", { cause: error });
      throw stateError(error, this.file(name));
    }
  }

  /**
   * A JSON file as its schema parses it; null if it does not exist.
   * @param newest the highest `version` that this program knows; 0 for a file without one
   * @throws FairleadError state.corrupt if it is not JSON, does not fit the schema or has a newer version;
   * state.unwritable.
   */
  async readJson<T>(name: string, schema: z.ZodType<T>, newest = 0): Promise<T | null> {
    const bytes = await this.read(name);
    if (bytes === null) return null;
    return parseRecord(bytes.toString("utf8"), schema, { file: this.file(name), newest, role: this.#role });
  }

  /**
   * A JSON file that can be made anew, as its schema parses it; null if it does not exist. A damaged file is set aside
   * under another name, so that the process can start, and the log says so.
   * @param loss what is lost, in a sentence
   * @throws FairleadError state.unwritable.
   */
  async readOrSetAside<T>(
    name: string,
    schema: z.ZodType<T>,
    { loss, log }: { readonly loss: string; readonly log: Log },
  ): Promise<T | null> {
    try {
      return await this.readJson(name, schema);
    } catch (error) {
      if (!(error instanceof FairleadError) || error.code !== "state.corrupt") throw error;
      const aside = `${name}.damaged`;
      await this.#inOrder(async () => {
        try {
          await rename(this.file(name), this.file(aside));
          await syncDirectory(this.path);
        } catch (failure) {
          throw stateError(failure, this.file(name));
        }
      });
      log.warn({ code: error.code, file: this.file(aside) }, `${error.message} It is now ${aside}. ${loss}`);
      return null;
    }
  }

  /**
   * Replaces the file atomically. The new content is on the disk when the promise resolves; a crash before that leaves
   * the old content.
   * @throws FairleadError state.full, state.unwritable. The old file stays.
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

  /** Creates the file unless it exists. Returns its content. @throws FairleadError `state.*` */
  async establish(name: string, content: string): Promise<string> {
    const stored = await this.read(name);
    if (stored !== null) return stored.toString("utf8");
    await this.writeAtomic(name, content);
    return content;
  }

  /**
   * Replaces the files that differ from those that the caller knows, each atomically, in their order. True: no other
   * process changes them.
   * @throws FairleadError state.full, state.unwritable.
   */
  async replace(files: Files, before: Files): Promise<boolean> {
    for (const [name, content] of Object.entries(files)) {
      if (before[name] !== content) await this.writeAtomic(name, content);
    }
    return true;
  }

  /** Removes the file if it exists. @throws FairleadError state.unwritable. */
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

  /** Waits for pending changes, then releases the lock. Can be called twice. */
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
