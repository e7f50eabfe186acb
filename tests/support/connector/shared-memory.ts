/** A place where connectors share files, in memory: each reads and writes through a view of its own. */

import type { SharedFiles } from "../../../connector/state/shared-state.ts";
import type { Files } from "../../../connector/state/store.ts";
import type { FairleadError } from "../../../protocol/errors.ts";

export class SharedMemory {
  files: Files | null = null;
  /** Counts writes, by which a view notices that another one was faster. */
  version = 0;
  /** Refuses every request while it is set. */
  failure: FairleadError | null = null;
  /** Runs before the next write, once. */
  beforeWrite: (() => void) | undefined;

  /** Stores files past all views, as a person does. */
  put(files: Files | null): void {
    this.files = files;
    this.version++;
  }

  view(): SharedFiles {
    let read = -1;
    return {
      label: "the shared memory",
      read: async () => {
        if (this.failure !== null) throw this.failure;
        read = this.version;
        return this.files;
      },
      write: async (files) => {
        this.beforeWrite?.();
        this.beforeWrite = undefined;
        if (this.failure !== null) throw this.failure;
        if (read !== this.version) return false;
        this.put(files);
        return true;
      },
    };
  }
}
