/**
 * Follows the configuration file while the connector runs. A file that can be loaded is applied, except for the fields
 * that are fixed until the next start. A file that cannot be loaded is logged, and the running configuration stays.
 */
import { asFairleadError, ERRORS, FairleadError } from "../../protocol/errors.ts";
import type { LeveledLog } from "../log.ts";
import { type ConfigChange, configTransition, describeChange, type FixedField } from "./config-change.ts";
import type { ConnectorConfig } from "./connector-config.ts";
import { FileWatcher, type FileWatcherOptions } from "./file-watcher.ts";

/** The file, as the command knows it. */
export interface FollowedFile {
  readonly path: string;
  /** The text that the running configuration was made from. */
  readonly text: string;
  /** Reads the file. @throws FairleadError `request.invalid`. */
  readonly read: () => Promise<string>;
  /** Parses the file's text, and merges the command's options over it. @throws FairleadError `request.invalid`. */
  readonly parse: (text: string) => Promise<ConnectorConfig>;
  /** Calls the listener at each SIGHUP. */
  readonly onHangup: (listener: () => void) => void;
}

export interface ConfigReloadOptions {
  readonly file: FollowedFile;
  /** The configuration that the connector was started with. */
  readonly running: ConnectorConfig;
  /** Applies a change to the connector's parts. @throws FairleadError; then nothing is changed. */
  readonly apply: (next: ConnectorConfig, change: ConfigChange) => void;
  readonly log: LeveledLog;
  readonly now?: () => number;
  readonly watch?: Pick<FileWatcherOptions, "settleMs" | "pollMs">;
}

/** What is known of the file, for `status`. */
export interface ConfigState {
  readonly file: string;
  /** When the file was last loaded, ms since 1970. */
  readonly loadedAt: number;
  /** Why the file as it is now was not loaded. */
  readonly error?: FairleadError;
  /** Fields whose values in the file take effect at the next start. */
  readonly restartNeeded: readonly FixedField[];
}

export class ConfigReload {
  readonly #options: ConfigReloadOptions;
  readonly #watcher: FileWatcher;
  readonly #now: () => number;
  #running: ConnectorConfig;
  /** The text that was last looked at, whether or not it was loaded. */
  #text: string;
  #state: ConfigState;
  /** Reloads happen one after another. */
  #last: Promise<void> = Promise.resolve();
  #isClosed = false;

  constructor(options: ConfigReloadOptions) {
    const { file, running, now = Date.now, watch } = options;
    this.#options = options;
    this.#running = running;
    this.#text = file.text;
    this.#now = now;
    this.#state = { file: file.path, loadedAt: now(), restartNeeded: [] };
    this.#watcher = new FileWatcher({ ...watch, path: file.path, onChange: () => void this.reload() });
  }

  /** The configuration that the connector runs with now. */
  get running(): ConnectorConfig {
    return this.#running;
  }

  get state(): ConfigState {
    return this.#state;
  }

  start(): void {
    this.#options.file.onHangup(() => void this.reload({ always: true }));
    this.#watcher.start();
  }

  /** Loads the file when its text has changed; with `always`, in any case. Never throws. */
  reload({ always = false } = {}): Promise<void> {
    this.#last = this.#last.then(() => this.#load(always));
    return this.#last;
  }

  /** A connector that drains takes nothing new on. */
  drain(): void {
    this.close();
  }

  close(): void {
    this.#isClosed = true;
    this.#watcher.close();
  }

  async #load(always: boolean): Promise<void> {
    if (this.#isClosed) return;
    const { file } = this.#options;
    try {
      const text = await file.read();
      if (text === this.#text && this.#state.error === undefined && !always) return;
      this.#text = text;
      // An editor that truncates the file before it writes may be caught in between.
      if (text.trim() === "")
        throw new FairleadError("request.invalid", `${file.path} is empty; write {} for no options.`);
      const wanted = await file.parse(text);
      if (!this.#isClosed) this.#apply(wanted);
    } catch (thrown) {
      this.#reject(asFairleadError(thrown, "stream.internal"), always);
    }
  }

  #apply(wanted: ConnectorConfig): void {
    const { file, apply, log } = this.#options;
    const { change, next } = configTransition(this.#running, wanted);
    apply(next, change);
    log.levels = next.logLevel;
    this.#running = next;
    this.#state = { file: file.path, loadedAt: this.#now(), restartNeeded: change.fixed };
    const applied = describeChange(change);
    const what = Object.keys(applied).length > 0 ? "was reloaded" : "was read again: nothing to apply";
    log.info({ file: file.path, ...applied }, `The configuration ${what}.`);
    if (change.fixed.length === 0) return;
    const { meaning, action } = ERRORS["config.restart_needed"];
    log.warn({ code: "config.restart_needed", file: file.path, fields: change.fixed, action }, meaning);
  }

  #reject(reason: FairleadError, always: boolean): void {
    const { file, log } = this.#options;
    const action =
      reason.code === "file.unreadable" ? `${reason.action} It is read again when it changes.` : undefined;
    const error = new FairleadError("config.rejected", reason.message, { cause: reason, action });
    // The same error is logged again only after a signal.
    const isNews = always || this.#state.error?.message !== error.message;
    this.#state = { ...this.#state, error };
    const { meaning } = ERRORS["config.rejected"];
    if (isNews)
      log.error({ code: error.code, file: file.path, action: error.action }, `${meaning} ${error.message}`);
  }
}
