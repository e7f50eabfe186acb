/**
 * The state of a site whose connectors share it: some files are stored in one place outside, and the state directory has
 * a copy of them. A change is stored there first and then in the directory. While the place is away, a change is stored
 * in the directory alone, and there later.
 */
import type * as z from "zod";
import { asFairleadError, ERRORS, type FairleadError } from "../../protocol/errors.ts";
import { sleep } from "../async/sleep.ts";
import type { Log } from "../log.ts";
import { Backoff } from "../net/backoff.ts";
import { OutageLog } from "../outage-log.ts";
import type { StateDirectory } from "./directory.ts";
import { mergeFiles } from "./merge-files.ts";
import type { Files, StateStore } from "./store.ts";

/** The place where connectors of one site share files, as one value. */
export interface SharedFiles {
  /** What messages call it. */
  readonly label: string;
  /** The files; null where nothing is stored. @throws FairleadError */
  read(): Promise<Files | null>;
  /**
   * Replaces what was read last, or creates it where there was nothing.
   * @returns false if somebody else changed it since; then it is read again
   * @throws FairleadError
   */
  write(files: Files): Promise<boolean>;
}

export interface SharedStateOptions {
  readonly directory: StateDirectory;
  readonly shared: SharedFiles;
  /** Names of the files that are shared. The others stay in the directory. */
  readonly names: readonly string[];
  /**
   * Checks files before they are taken over.
   * @throws FairleadError `state.corrupt` for damaged files, and for those of another site than the directory's
   */
  readonly check: (theirs: Files, mine: Files) => Promise<void>;
  /** Whether a connector can start with the directory's files alone, while the place is away. */
  readonly isEnough?: (mine: Files) => boolean;
  /** Hears why the files cannot be read or stored, once for each reason. */
  readonly refused?: (error: FairleadError) => void;
  readonly log: Log;
  readonly signal: AbortSignal;
  /** Backoff between attempts, ms. */
  readonly retry?: { readonly base: number; readonly cap: number };
}

export class SharedState implements StateStore {
  readonly #options: SharedStateOptions;
  readonly #directory: StateDirectory;
  readonly #outage: OutageLog;
  readonly #backoff: Backoff;
  /** The shared files, as the directory has them. */
  #local: Files = {};
  /** The shared files, as they were when both places agreed. */
  #base: Files = {};
  #lastCode: string | null = null;
  #retry: NodeJS.Timeout | undefined;
  #onChange: () => void = () => {};
  /** The last exchange. Exchanges run one after another. */
  #last: Promise<unknown> = Promise.resolve();

  private constructor(options: SharedStateOptions) {
    const { directory, log, retry = { base: 1000, cap: 15_000 } } = options;
    this.#options = options;
    this.#directory = directory;
    this.#outage = new OutageLog(log);
    this.#backoff = new Backoff({ ...retry, random: Math.random });
  }

  /**
   * Reads the shared files, and tries until that succeeds: a connector cannot start without its state. One whose process
   * ended in a pod that is still there has its state in the directory, and starts with that while the place is away.
   * Files that only the directory has are stored. Null if the signal aborted first.
   */
  static async open(options: SharedStateOptions): Promise<SharedState | null> {
    const state = new SharedState(options);
    await state.#readDirectory();
    const { signal, isEnough } = options;
    signal.addEventListener("abort", () => clearTimeout(state.#retry));
    while (!signal.aborted) {
      try {
        await state.#keep(await state.#exchange((files) => files));
        state.#succeeded();
        return state;
      } catch (thrown) {
        if (passes(thrown) && isEnough?.(state.#local) === true) {
          state.#failed(thrown, "The connector starts with the state that it has");
          state.#retryLater();
          return state;
        }
        state.#failed(thrown, "The connector cannot start without its state");
        await sleep(state.#backoff.next(), signal);
      }
    }
    return null;
  }

  get path(): string {
    return this.#directory.path;
  }

  /** Called when another connector of the site, or a person, has changed files. */
  onChange(listener: () => void): void {
    this.#onChange = listener;
  }

  /** Takes over what was changed in the shared place, and stores there what is missing. Never throws. */
  async synchronize(): Promise<void> {
    await this.#inOrder(async () => {
      clearTimeout(this.#retry);
      try {
        const files = await this.#exchange((current) => current);
        const isNew = !sameFiles(files, this.#local);
        await this.#keep(files);
        this.#succeeded();
        if (isNew) this.#onChange();
      } catch (thrown) {
        this.#failed(thrown, "The connector goes on with the state that it has");
        this.#retryLater();
      }
    });
  }

  file(name: string): string {
    return this.#directory.file(name);
  }

  corrupt(name: string, why: string, options?: { action?: string; cause?: unknown }): FairleadError {
    return this.#directory.corrupt(name, why, options);
  }

  read(name: string): Promise<Buffer<ArrayBuffer> | null> {
    return this.#directory.read(name);
  }

  readJson<T>(name: string, schema: z.ZodType<T>, newest?: number): Promise<T | null> {
    return this.#directory.readJson(name, schema, newest);
  }

  readOrSetAside<T>(
    name: string,
    schema: z.ZodType<T>,
    options: { readonly loss: string; readonly log: Log },
  ): Promise<T | null> {
    return this.#directory.readOrSetAside(name, schema, options);
  }

  async writeAtomic(name: string, content: string): Promise<void> {
    await this.#directory.writeAtomic(name, content);
  }

  async establish(name: string, content: string): Promise<string> {
    return await this.#inOrder(async () => {
      const files = await this.#exchange((current) =>
        current[name] === undefined ? { ...current, [name]: content } : current,
      );
      await this.#keep(files);
      this.#succeeded();
      return files[name] ?? content;
    });
  }

  async replace(files: Files, before: Files): Promise<boolean> {
    return await this.#inOrder(async () => {
      const change = (current: Files) => mergeFiles(before, files, current);
      const known = this.#local;
      const stored = (await this.#tryExchange(change)) ?? change(known);
      await this.#keep(stored);
      const isForeign = (name: string) => stored[name] !== known[name] && stored[name] !== files[name];
      if (Object.keys(stored).some(isForeign)) this.#onChange();
      return Object.entries(files).every(([name, content]) => stored[name] === content);
    });
  }

  async close(): Promise<void> {
    clearTimeout(this.#retry);
    await this.#last;
  }

  /** Null while the place is away, when a change is stored there by the next attempt. */
  async #tryExchange(change: (current: Files) => Files): Promise<Files | null> {
    if (this.#outage.isOn) return null;
    try {
      const files = await this.#exchange(change);
      this.#succeeded();
      return files;
    } catch (thrown) {
      this.#failed(thrown, "The change is stored in the state directory alone for now");
      this.#retryLater();
      return null;
    }
  }

  /**
   * Reads the shared files, merges them with those here, changes them and stores the result. Begins again when somebody
   * else was faster.
   */
  async #exchange(change: (current: Files) => Files): Promise<Files> {
    const { shared, check, signal } = this.#options;
    for (;;) {
      const stored = await shared.read();
      if (stored !== null) await check(stored, this.#local);
      const current = stored === null ? this.#local : mergeFiles(this.#base, this.#local, stored);
      const next = change(current);
      const isStored = sameFiles(next, stored ?? {});
      if (isStored || (await shared.write(next))) {
        this.#base = next;
        return next;
      }
      signal.throwIfAborted();
    }
  }

  /** Stores the files in the directory that differ from those there. */
  async #keep(files: Files): Promise<void> {
    for (const [name, content] of Object.entries(files)) {
      if (this.#local[name] === content) continue;
      await this.#directory.writeAtomic(name, content);
      this.#local = { ...this.#local, [name]: content };
    }
  }

  async #readDirectory(): Promise<void> {
    const files: Record<string, string> = {};
    for (const name of this.#options.names) {
      const content = await this.#directory.read(name);
      if (content !== null) files[name] = content.toString("utf8");
    }
    this.#local = files;
    // What was stored since in the shared place wins over the files of the last run.
    this.#base = files;
  }

  #succeeded(): void {
    const { shared } = this.#options;
    this.#lastCode = null;
    this.#backoff.reset();
    this.#outage.ended({}, (length) => `The state is in ${shared.label} again, after ${length}.`);
  }

  #failed(thrown: unknown, consequence: string): void {
    const { signal, refused } = this.#options;
    if (signal.aborted) return;
    const error = asFairleadError(thrown, "state.unwritable");
    const { code, action, message } = error;
    this.#outage.failed({ code, action }, `${consequence}: ${message}`);
    if (code === this.#lastCode) return;
    this.#lastCode = code;
    refused?.(error);
  }

  #retryLater(): void {
    clearTimeout(this.#retry);
    if (this.#options.signal.aborted) return;
    this.#retry = setTimeout(() => void this.synchronize(), this.#backoff.next()).unref();
  }

  async #inOrder<T>(work: () => Promise<T>): Promise<T> {
    const done = this.#last.then(work);
    this.#last = done.catch(() => {});
    return await done;
  }
}

/** Whether the place is away, and nobody has to act. */
const passes = (thrown: unknown): boolean => ERRORS[asFairleadError(thrown, "state.unwritable").code].retry;

const sameFiles = (left: Files, right: Files): boolean =>
  Object.keys({ ...left, ...right }).every((name) => left[name] === right[name]);
