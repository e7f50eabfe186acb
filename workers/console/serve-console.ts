/** Requests for the console at the API's host and at the listener on loopback: pages, files, and the way to them. */
import { CONSOLE_PATH } from "../../protocol/api/console.ts";
import { FairleadError } from "../../protocol/errors.ts";
import type { Config } from "../config.ts";
import { errorResponse, publicError } from "../error-response.ts";
import { type ConsoleAssets, SECURITY_HEADERS } from "./assets.ts";
import type { Listener } from "./listener.ts";
import { type ConsoleSignInOptions, serveSignIn } from "./sign-in.ts";

export interface ServeOptions extends Omit<ConsoleSignInOptions, "now"> {
  readonly assets: ConsoleAssets;
}

/** Whether a listener serves the console. Without a sign-in, only the listener on loopback does. */
export function servesConsole({ console: { mode } }: Config, listener: Listener): boolean {
  return mode !== "none" && (mode !== "unsecured" || listener === "loopback");
}

/** The response to a request for the console; null for a request that belongs to the API. */
export async function serveConsole(request: Request, options: ServeOptions): Promise<Response | null> {
  if (!servesConsole(options.config, options.listener)) return null;
  const signIn = await serveSignIn(request, { ...options, now: Date.now() });
  if (signIn !== null) return signIn;
  const { pathname } = new URL(request.url);
  const isRoot = pathname === "/" || pathname === CONSOLE_PATH.slice(0, -1);
  if (!isRoot && !pathname.startsWith(CONSOLE_PATH)) return null;
  if (request.method !== "GET" && request.method !== "HEAD") return null;
  if (isRoot) {
    return new Response(null, { status: 302, headers: { ...SECURITY_HEADERS, location: CONSOLE_PATH } });
  }
  try {
    const { assets } = options.config.console;
    if (assets === null) return null;
    const path = pathname.slice(CONSOLE_PATH.length) || "index.html";
    return await options.assets.serve(request, path, assets);
  } catch (thrown) {
    const requestId = crypto.randomUUID();
    return errorResponse(
      publicError(new FairleadError("edge.internal", undefined, { cause: thrown }), requestId),
      requestId,
    );
  }
}
