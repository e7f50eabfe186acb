/** The time of the edge, for components that show ages. */
import { useSyncExternalStore } from "react";
import type { LiveState } from "./live-store.ts";
import { useLive } from "./use-live.tsx";

const clocks = new Map<number, ReturnType<typeof makeClock>>();

/** A clock that ticks for its readers while the page is visible. */
function makeClock(everyMs: number) {
  const readers = new Set<() => void>();
  let now = Date.now();
  let timer: ReturnType<typeof setInterval> | undefined;
  const tick = () => {
    if (document.visibilityState !== "visible") return;
    now = Date.now();
    for (const reader of readers) reader();
  };
  return {
    read: () => now,
    subscribe: (reader: () => void) => {
      if (readers.size === 0) {
        now = Date.now();
        timer = setInterval(tick, everyMs);
        document.addEventListener("visibilitychange", tick);
      }
      readers.add(reader);
      return () => {
        readers.delete(reader);
        if (readers.size > 0) return;
        clearInterval(timer);
        document.removeEventListener("visibilitychange", tick);
      };
    },
  };
}

/** The browser's time, ms since 1970. It changes every `everyMs`. */
export function useBrowserNow(everyMs = 5000): number {
  let clock = clocks.get(everyMs);
  if (clock === undefined) {
    clock = makeClock(everyMs);
    clocks.set(everyMs, clock);
  }
  return useSyncExternalStore(clock.subscribe, clock.read);
}

const selectOffset = (state: LiveState) => state.clockOffset;
/** A clock that is off by less than a second is not corrected, so that ages do not jump. */
const sameOffset = (a: number, b: number) => Math.abs(a - b) < 1000;

/** The edge's time, ms since 1970. It changes every `everyMs`. */
export function useNow(everyMs = 5000): number {
  return useBrowserNow(everyMs) + useLive(selectOffset, sameOffset);
}
