/** Requests that a page of another site may have caused. Pure. */
import { CONSOLE_HEADER } from "../../protocol/api/console.ts";

/** The names of this machine in URLs. */
const LOOPBACK_NAMES: ReadonlySet<string> = new Set(["localhost", "127.0.0.1", "[::1]"]);

/** Whether a URL names this machine. Any other name on a listener on loopback is a rebound DNS name. */
export const isLoopbackName = (url: URL): boolean => LOOPBACK_NAMES.has(url.hostname);

const SAFE: ReadonlySet<string> = new Set(["GET", "HEAD", "OPTIONS"]);

/**
 * Whether the console's own page sent a request that a cookie or a listener alone authenticates. What changes something
 * has the page's exact origin and its header; a WebSocket, whose handshake browsers let pages of other sites make, has
 * the origin. `Sec-Fetch-Site` is compared where the browser sends it.
 * @param origin of the page, as the browser sees it
 */
export function isOwnPage({ method, headers }: Request, origin: string): boolean {
  const site = headers.get("sec-fetch-site");
  const upgrades = headers.has("upgrade");
  if (SAFE.has(method) && !upgrades) return site === null || site === "same-origin" || site === "none";
  if (headers.get("origin") !== origin || (site !== null && site !== "same-origin")) return false;
  return upgrades || headers.has(CONSOLE_HEADER);
}
