/** A page of an older version may ask for files that are gone since a deployment: it loads itself anew, once. */
const KEY = "fairlead-reloaded";

/** A second failure within this time is not the deployment, ms. */
const ONCE_MS = 60_000;

export function reloadOnceAtMissingChunk(): void {
  addEventListener("vite:preloadError", (event) => {
    try {
      const last = Number(sessionStorage.getItem(KEY) ?? 0);
      if (Date.now() - last < ONCE_MS) return;
      sessionStorage.setItem(KEY, String(Date.now()));
    } catch {
      // Without storage nothing tells whether this is the second time.
      return;
    }
    event.preventDefault();
    location.reload();
  });
}
