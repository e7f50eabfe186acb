/**
 * Client of the edge's HTTPS API. Whatever goes wrong leaves as a FairleadError: an ErrorAnswer keeps its
 * code, a failed connection becomes `edge.unreachable`, `edge.untrusted` or `proxy.failed`.
 */
import { Agent, type Dispatcher, ProxyAgent, request } from "undici";
import type { z } from "zod";
import { ErrorAnswer } from "../../protocol/api.ts";
import { FairleadError, fromErrorBody } from "../../protocol/errors.ts";
import { proxyFor } from "../uplink/proxy.ts";
import { connectionError } from "./failures.ts";

/** How long a request may take, from dialling to the last byte of the answer, in ms. */
export const REQUEST_TIMEOUT_MS = 30_000;

/** Longest answer that is read, in bytes: a network of thousands of sites stays far below. */
const MAX_ANSWER = 64 * 1024 * 1024;

export interface EdgeClientOptions {
  /** The API's address, `https://…`. */
  readonly url: string;
  /** API key; public endpoints need none. */
  readonly key?: string;
  /** PEM of the only CA to trust; without it, the system's roots. */
  readonly ca?: string;
  /** Milliseconds; {@link REQUEST_TIMEOUT_MS} unless given. */
  readonly timeoutMs?: number;
}

export interface RequestOptions {
  readonly signal?: AbortSignal;
}

export class EdgeClient {
  readonly url: string;
  readonly #key: string | undefined;
  readonly #timeoutMs: number;
  readonly #proxy: URL | null;
  readonly #dispatcher: Dispatcher;

  /** @throws FairleadError `proxy.failed` when HTTPS_PROXY is no proxy's URL. */
  constructor(options: EdgeClientOptions) {
    this.url = options.url.replace(/\/+$/, "");
    this.#key = options.key;
    this.#timeoutMs = options.timeoutMs ?? REQUEST_TIMEOUT_MS;
    const tls = options.ca === undefined ? {} : { ca: options.ca };
    this.#proxy = proxyFor(this.url);
    this.#dispatcher =
      this.#proxy === null
        ? new Agent({ connect: tls, maxResponseSize: MAX_ANSWER })
        : new ProxyAgent({ uri: this.#proxy.href, requestTls: tls, maxResponseSize: MAX_ANSWER });
  }

  /**
   * Sends a request and returns its answer, read by `schema` (an empty answer is given to it as `null`).
   * @param path with query, from `/v1` on.
   * @throws FairleadError, always.
   */
  async request<T>(
    method: "GET" | "POST" | "PUT" | "DELETE",
    path: string,
    schema: z.ZodType<T>,
    body?: unknown,
    options: RequestOptions = {},
  ): Promise<T> {
    const { status, text } = await this.#exchange(method, path, body, options.signal);
    const answer = readJson(text);
    if (status < 200 || status > 299) throw this.#refusal(status, answer);
    const parsed = schema.safeParse(answer);
    if (parsed.success) return parsed.data;
    throw new FairleadError(
      "edge.internal",
      `the answer of ${this.url} to ${method} ${path} has an unknown form: is it a Fairlead edge of this version?`,
      { cause: parsed.error },
    );
  }

  /** Closes connections that are kept open for the next request. */
  async close(): Promise<void> {
    await this.#dispatcher.destroy();
  }

  async #exchange(
    method: Dispatcher.HttpMethod,
    path: string,
    body: unknown,
    signal: AbortSignal | undefined,
  ): Promise<{ status: number; text: string }> {
    const timeout = AbortSignal.timeout(this.#timeoutMs);
    const headers: Record<string, string> = { accept: "application/json" };
    if (this.#key !== undefined) headers.authorization = `Bearer ${this.#key}`;
    if (body !== undefined) headers["content-type"] = "application/json";
    try {
      const answer = await request(`${this.url}${path}`, {
        method,
        headers,
        body: body === undefined ? null : JSON.stringify(body),
        dispatcher: this.#dispatcher,
        signal: signal === undefined ? timeout : AbortSignal.any([timeout, signal]),
      });
      return { status: answer.statusCode, text: await answer.body.text() };
    } catch (thrown) {
      throw connectionError(thrown, { url: this.url, proxy: this.#proxy, timeoutMs: this.#timeoutMs });
    }
  }

  #refusal(status: number, answer: unknown): FairleadError {
    const parsed = ErrorAnswer.safeParse(answer);
    if (parsed.success) return fromErrorBody(parsed.data.error, "edge.internal");
    // Something between us and the edge answered: a load balancer, a portal, another server.
    const between = status === 502 || status === 503 || status === 504 || status >= 520;
    return new FairleadError(
      between ? "edge.unreachable" : "edge.internal",
      `${this.url} answered with status ${status}, and not as a Fairlead edge does`,
    );
  }
}

/** The value of a JSON text; null when it is empty, undefined when it is no JSON. */
function readJson(text: string): unknown {
  if (text === "") return null;
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
