/**
 * What waits for the viewers of a channel, and what follows from it. A viewer with too much of it is behind: it is told
 * nothing until it has read, and then everything. A viewer that stays behind is stalled. Pure: the time is passed in.
 */

/** Most bytes that may wait for a viewer that is told more. */
export const MAX_QUEUED = 256 * 1024;

/** Most bytes that may wait for a viewer at all. */
export const MAX_UNSENT = 4 * 1024 * 1024;

/** How long a viewer may be behind without reading anything, ms. */
export const MAX_BEHIND_MS = 60_000;

/** How a viewer reads: it keeps up, it is behind, or it does not read. */
export type ReadingState = "current" | "behind" | "stalled";

/** The part of a socket that tells what waits. It is counted by the platform, without what the network has taken. */
export type Queue = Pick<WebSocket, "bufferedAmount">;

export class Backlog {
  /** The least that waited for each viewer that is behind, bytes, and since when, ms since 1970. */
  readonly #behind = new WeakMap<Queue, { readonly bytes: number; readonly since: number }>();

  /** How a viewer reads. @param now ms since 1970 */
  judge(queue: Queue, now: number): ReadingState {
    const bytes = queue.bufferedAmount;
    if (bytes <= MAX_QUEUED) {
      this.#behind.delete(queue);
      return "current";
    }
    const before = this.#behind.get(queue);
    if (before === undefined || bytes < before.bytes) this.#behind.set(queue, { bytes, since: now });
    const { since } = this.#behind.get(queue) ?? { since: now };
    return bytes > MAX_UNSENT || now - since >= MAX_BEHIND_MS ? "stalled" : "behind";
  }
}
