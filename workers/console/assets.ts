/** The files of the built console: how one is chosen for a request, and the responses. */
import type { Fetcher } from "@cloudflare/workers-types";
import { type ConsoleFile, ConsoleManifest, type Encoding, MANIFEST_FILE, PAGE_FILE } from "./manifest.ts";

/** How long a manifest is used, ms. An upgrade of the package replaces the folder below a running edge. */
const MANIFEST_MS = 10_000;

/** No inline scripts and styles, no other origins, no frames. React's `style` sets properties, which is allowed. */
const POLICY = [
  "default-src 'none'",
  "script-src 'self'",
  "style-src 'self'",
  "img-src 'self' data:",
  "font-src 'self'",
  "connect-src 'self'",
  "base-uri 'none'",
  "form-action 'self'",
  "frame-ancestors 'none'",
].join("; ");

/** Headers of every response of the console. */
export const SECURITY_HEADERS: Readonly<Record<string, string>> = {
  "content-security-policy": POLICY,
  "x-content-type-options": "nosniff",
  "x-frame-options": "DENY",
  "referrer-policy": "no-referrer",
  "cross-origin-opener-policy": "same-origin",
  "cross-origin-resource-policy": "same-origin",
};

const YEAR_SECONDS = 365 * 24 * 60 * 60;

/**
 * The content coding of a response: the first of br and gzip that the file has and the client accepts; null for none.
 * @param accepted the header `Accept-Encoding`
 */
export function negotiate(accepted: string | null, encodings: ConsoleFile["encodings"]): Encoding | null {
  const weights = new Map<string, number>();
  for (const each of (accepted ?? "").toLowerCase().split(",")) {
    const [name = "", ...parameters] = each.split(";").map((part) => part.trim());
    const q = parameters.find((part) => part.startsWith("q="))?.slice(2);
    weights.set(name, q === undefined ? 1 : Number(q) || 0);
  }
  const accepts = (name: string): boolean => (weights.get(name) ?? weights.get("*") ?? 0) > 0;
  return (["br", "gzip"] as const).find((name) => encodings[name] !== undefined && accepts(name)) ?? null;
}

/** Whether the header `If-None-Match` names an entity tag. It is compared weakly (RFC 9110 §13.1.2). */
export function matches(header: string | null, etag: string): boolean {
  return (header ?? "")
    .split(",")
    .map((each) => each.trim().replace(/^W\//, ""))
    .some((each) => each === "*" || each === etag);
}

/**
 * The file that a path gets; null for a path without one. A path of the application, whose last segment has no dot, gets
 * the page: its addresses are links.
 * @param path below `/console/`
 */
export function fileFor(path: string, { files }: ConsoleManifest): string | null {
  if (Object.hasOwn(files, path)) return path;
  const isAddress = !path.startsWith("assets/") && !path.slice(path.lastIndexOf("/") + 1).includes(".");
  return isAddress && Object.hasOwn(files, PAGE_FILE) ? PAGE_FILE : null;
}

/** Serves the built console from static assets or a folder. */
export class ConsoleAssets {
  readonly #now: () => number;
  #read: { readonly from: Fetcher; readonly manifest: ConsoleManifest; readonly at: number } | null = null;

  constructor({ now = Date.now }: { now?: () => number } = {}) {
    this.#now = now;
  }

  /**
   * The response to GET or HEAD; null for a path without a file.
   * @param path below `/console/`
   */
  async serve(request: Request, path: string, assets: Fetcher): Promise<Response | null> {
    const manifest = await this.#manifest(assets);
    const name = manifest === null ? null : fileFor(path, manifest);
    const file = name === null ? undefined : manifest?.files[name];
    if (name === null || file === undefined) return null;
    const etag = `"${file.hash.slice(0, 32)}"`;
    const headers = new Headers({
      ...SECURITY_HEADERS,
      "content-type": file.type,
      "cache-control": file.immutable ? `public, max-age=${YEAR_SECONDS}, immutable` : "no-cache",
      etag,
      vary: "accept-encoding",
    });
    if (matches(request.headers.get("if-none-match"), etag))
      return new Response(null, { status: 304, headers });
    const encoding = negotiate(request.headers.get("accept-encoding"), file.encodings);
    const stored = (encoding === null ? undefined : file.encodings[encoding]) ?? name;
    if (encoding !== null) headers.set("content-encoding", encoding);
    if (request.method === "HEAD") return new Response(null, { headers });
    const found = await fetchAsset(assets, stored);
    // An upgrade has replaced the folder.
    if (found === null) this.#read = null;
    // The body has its coding already.
    const init = { headers, encodeBody: "manual" as const };
    return found && new Response(found.body as ReadableStream | null, init);
  }

  /** The manifest; null where no console was built. */
  async #manifest(assets: Fetcher): Promise<ConsoleManifest | null> {
    const now = this.#now();
    if (this.#read?.from === assets && now - this.#read.at < MANIFEST_MS) return this.#read.manifest;
    const found = await fetchAsset(assets, MANIFEST_FILE);
    if (found === null) return null;
    const manifest = ConsoleManifest.parse(await found.json());
    this.#read = { from: assets, manifest, at: now };
    return manifest;
  }
}

async function fetchAsset(assets: Fetcher, path: string) {
  const response = await assets.fetch(`https://assets/${path}`);
  if (response.status === 200) return response;
  await response.body?.cancel();
  return null;
}
