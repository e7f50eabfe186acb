/**
 * Watches one file by its path and reports that the file behind the path is another, or has other content.
 *
 * An editor may write the file in place, or rename another file over it. Kubernetes swaps a symbolic link in the path
 * (https://kubernetes.io/docs/concepts/storage/volumes/#configmap). So the directories of the path and of all its
 * links are watched, and the file is compared by its inode, size and time. Where the system reports nothing (network
 * file systems, no watches left), polling finds the change.
 */
import { type FSWatcher, watch } from "node:fs";
import { lstat, readlink, stat } from "node:fs/promises";
import { dirname, resolve } from "node:path";
import { sleep } from "../async/sleep.ts";

export interface FileWatcherOptions {
  readonly path: string;
  /** Called once the file has stayed the same for the settle time; also when it is gone. */
  readonly onChange: () => void;
  /** How long the file must stay the same, ms. */
  readonly settleMs?: number;
  /** Time between two looks at the file, ms. */
  readonly pollMs?: number;
}

const SETTLE_MS = 200;
const POLL_MS = 5000;

/** Number of looks at a file that keeps changing before its change is reported anyway. */
const MAX_SETTLES = 20;

/** Links that are followed from the path to the file. */
const MAX_LINKS = 16;

export class FileWatcher {
  readonly #path: string;
  readonly #onChange: () => void;
  readonly #settleMs: number;
  readonly #pollMs: number;
  readonly #stopped = new AbortController();
  #watchers: FSWatcher[] = [];
  #timer: NodeJS.Timeout | undefined;
  #seen = "";
  #isLooking = false;
  /** Whether something happened while the file was looked at. */
  #isStale = false;

  constructor({ path, onChange, settleMs = SETTLE_MS, pollMs = POLL_MS }: FileWatcherOptions) {
    this.#path = resolve(path);
    this.#onChange = onChange;
    this.#settleMs = settleMs;
    this.#pollMs = pollMs;
  }

  /** Starts watching. The file as it is now is reported first. */
  start(): void {
    this.#timer = setInterval(() => this.#look(), this.#pollMs).unref();
    this.#look();
  }

  close(): void {
    this.#stopped.abort();
    clearInterval(this.#timer);
    this.#unwatch();
  }

  #look(): void {
    this.#isStale = true;
    if (this.#isLooking) return;
    this.#isLooking = true;
    void this.#compare().finally(() => {
      this.#isLooking = false;
    });
  }

  async #compare(): Promise<void> {
    while (this.#isStale && !this.#stopped.signal.aborted) {
      this.#isStale = false;
      let found = await identityOf(this.#path);
      if (found === this.#seen) continue;
      found = await this.#settled(found);
      if (this.#stopped.signal.aborted) return;
      this.#seen = found;
      // The links may lead elsewhere now.
      await this.#watch();
      // A change before the watch began is found by one more look.
      this.#isStale = true;
      if (!this.#stopped.signal.aborted) this.#onChange();
    }
  }

  /** The file's identity once it has stayed the same for the settle time. */
  async #settled(first: string): Promise<string> {
    let before = first;
    for (let looks = 0; looks < MAX_SETTLES; looks++) {
      await sleep(this.#settleMs, this.#stopped.signal, { ref: false });
      const now = await identityOf(this.#path);
      if (now === before || this.#stopped.signal.aborted) return now;
      before = now;
    }
    return before;
  }

  async #watch(): Promise<void> {
    const directories = await directoriesOf(this.#path);
    this.#unwatch();
    if (this.#stopped.signal.aborted) return;
    for (const directory of directories) {
      try {
        const watcher = watch(directory, { persistent: false }, () => this.#look());
        // The directory is gone, or there are no watches left: polling remains.
        watcher.on("error", () => watcher.close());
        this.#watchers.push(watcher);
      } catch {
        // As above.
      }
    }
  }

  #unwatch(): void {
    for (const watcher of this.#watchers) watcher.close();
    this.#watchers = [];
  }
}

/** Differs whenever the file behind the path is another or was written; "missing" when there is none. */
async function identityOf(path: string): Promise<string> {
  try {
    const { dev, ino, size, mtimeNs, ctimeNs } = await stat(path, { bigint: true });
    return [dev, ino, size, mtimeNs, ctimeNs].join();
  } catch {
    return "missing";
  }
}

/** The directories in which a change can put another file behind the path. */
async function directoriesOf(path: string): Promise<ReadonlySet<string>> {
  const directories = new Set<string>();
  let at = path;
  for (let links = 0; links < MAX_LINKS; links++) {
    directories.add(dirname(at));
    try {
      if (!(await lstat(at)).isSymbolicLink()) break;
      at = resolve(dirname(at), await readlink(at));
    } catch {
      break;
    }
  }
  return directories;
}
