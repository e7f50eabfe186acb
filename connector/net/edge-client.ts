/**
 * Client of the edge's HTTPS API. It throws only FairleadErrors: an ErrorResponse keeps its code, and a failed
 * connection becomes `edge.unreachable`, `edge.untrusted` or `proxy.failed`.
 */
import type * as z from "zod";
import { ErrorResponse } from "../../protocol/api/envelope.ts";
import { FairleadError, fromErrorBody } from "../../protocol/errors.ts";
import { parseWith } from "../../protocol/parse.ts";
import { timeLimit } from "../../protocol/time-limits.ts";
import { silently, type Waiting } from "../async/waiting.ts";
import { dialServer } from "./dial-server.ts";
import { foreignAnswerAction, httpsError } from "./failures.ts";
import { HttpClient, textOf } from "./http-client.ts";
import { edgeNames } from "./name-resolver.ts";
import { type ProxyAddress, proxyFor } from "./proxy.ts";

/** Time limit of a request, from the dial to the last byte of the answer, ms. */
export const REQUEST_TIMEOUT_MS = timeLimit("apiRequest", null);

/** Longest answer that is read, bytes. The answers of a network of thousands of sites are far shorter. */
const MAX_ANSWER = 64 * 1024 * 1024;

const JSON_TYPE = "application/json";

export interface EdgeClientOptions {
  /** URL of the API, `https://…`. */
  readonly url: string;
  /** API key. Public endpoints need none. */
  readonly key?: string;
  /** Reads the key again before each request, for an identity token that is renewed. */
  readonly readKey?: (() => Promise<string>) | undefined;
  /** PEM of the only CAs to trust; the system's roots unless given. */
  readonly ca?: string | string[];
  /** Is told that the edge is waited for. */
  readonly waiting?: Waiting | undefined;
  /** Time limit of a request, ms; {@link REQUEST_TIMEOUT_MS} unless given. */
  readonly timeoutMs?: number;
  /** Longest answer that is read, bytes; {@link MAX_ANSWER} unless given. */
  readonly maxAnswer?: number;
}

type Method = "GET" | "POST" | "PUT" | "PATCH" | "DELETE";

export interface RequestOptions {
  readonly signal?: AbortSignal;
}

/** A document that is transferred unchanged. */
export interface TextDocument {
  /** Media type. */
  readonly type: string;
  readonly text: string;
}

/** A response with its headers. */
interface Answer extends TextDocument {
  readonly headers: Readonly<Record<string, unknown>>;
}

/** Time limit for a document, which may be as long as {@link MAX_ANSWER}, ms. */
const DOCUMENT_TIMEOUT_MS = 10 * 60_000;

export class EdgeClient {
  readonly url: string;
  #key: string | undefined;
  readonly #readKey: (() => Promise<string>) | undefined;
  readonly #waiting: Waiting;
  readonly #timeoutMs: number;
  readonly #proxy: ProxyAddress | null;
  readonly #maxAnswer: number;
  readonly #http: HttpClient;

  /** @throws FairleadError `proxy.failed` when the environment names a proxy that cannot be used. */
  constructor(options: EdgeClientOptions) {
    this.url = options.url.replace(/\/+$/, "");
    this.#key = options.key;
    this.#readKey = options.readKey;
    this.#waiting = options.waiting ?? silently;
    this.#timeoutMs = options.timeoutMs ?? REQUEST_TIMEOUT_MS;
    this.#maxAnswer = options.maxAnswer ?? MAX_ANSWER;
    const tls = options.ca === undefined ? {} : { ca: options.ca };
    const { lookup } = edgeNames;
    const timeoutMs = timeLimit("apiConnect", null);
    const proxy = proxyFor(this.url);
    this.#proxy = proxy;
    const dial = (signal: AbortSignal) =>
      dialServer(new URL(this.url), { tls, lookup, proxy, timeoutMs, signal });
    this.#http = new HttpClient(this.url, dial);
  }

  /**
   * Sends a request and returns its answer, parsed with `schema`. An empty answer is parsed as `null`.
   * @param path with query, from `/v1` on
   * @throws FairleadError
   */
  async request<T>(
    method: Method,
    path: string,
    schema: z.ZodType<T>,
    body?: unknown,
    options: RequestOptions = {},
  ): Promise<T> {
    const document = body === undefined ? null : { type: JSON_TYPE, text: JSON.stringify(body) };
    const answer = readJson((await this.#exchange(method, path, document, options)).text);
    return this.#parsed(schema, answer, method, path);
  }

  /**
   * Sends a GET and returns its answer and the headers of the response, parsed with a schema each.
   * @throws FairleadError
   */
  async requestPage<T, H>(
    path: string,
    schema: z.ZodType<T>,
    headers: z.ZodType<H>,
    options: RequestOptions = {},
  ): Promise<{ answer: T; headers: H }> {
    const { text, headers: given } = await this.#exchange("GET", path, null, options);
    const parsed = <V>(schema: z.ZodType<V>, value: unknown): V => this.#parsed(schema, value, "GET", path);
    return { answer: parsed(schema, readJson(text)), headers: parsed(headers, given) };
  }

  #parsed<T>(schema: z.ZodType<T>, answer: unknown, method: string, path: string): T {
    return parseWith(schema, answer, (_, cause) => {
      const what = `The answer of ${this.url} to ${method} ${path} has an unknown form.`;
      const action =
        answer === undefined
          ? foreignAnswerAction(200)
          : "Update the older one of Fairlead on this machine and the edge; `fairlead version` compares the versions.";
      return new FairleadError("edge.internal", what, { cause, action });
    });
  }

  /** Fetches a document. @throws FairleadError */
  async fetchText(path: string): Promise<TextDocument> {
    const { type, text } = await this.#exchange("GET", path, null, { timeoutMs: DOCUMENT_TIMEOUT_MS });
    return { type, text };
  }

  /** Posts a document. @throws FairleadError */
  async sendText(path: string, document: TextDocument): Promise<void> {
    await this.#exchange("POST", path, document, { timeoutMs: DOCUMENT_TIMEOUT_MS });
  }

  /** Closes the connections that are kept open for further requests. */
  async close(): Promise<void> {
    this.#http.close();
  }

  /** Takes over a renewed key. Returns whether there is one. A file that is being replaced has none for a moment. */
  async refreshKey(): Promise<boolean> {
    const before = this.#key;
    this.#key = (await this.#readKey?.().catch(() => before)) ?? before;
    return this.#key !== before;
  }

  /** Sends one request, and says that the edge is waited for. */
  #exchange(
    method: Method,
    path: string,
    document: TextDocument | null,
    options: RequestOptions & { readonly timeoutMs?: number },
  ): Promise<Answer> {
    const line = `Waiting for the edge at ${this.url}.`;
    return this.#waiting(line, () => this.#exchangeWithKey(method, path, document, options));
  }

  /** Sends one request with the newest key. A key that was renewed while the request was refused gets a second. */
  async #exchangeWithKey(
    method: Method,
    path: string,
    document: TextDocument | null,
    options: RequestOptions & { readonly timeoutMs?: number },
  ): Promise<Answer> {
    await this.refreshKey();
    try {
      return await this.#exchangeOnce(method, path, document, options);
    } catch (thrown) {
      const isRefused = thrown instanceof FairleadError && thrown.entry.status === 401;
      if (!isRefused || !(await this.refreshKey())) throw thrown;
      return await this.#exchangeOnce(method, path, document, options);
    }
  }

  /** Sends one request and throws a refusal. A redirect is a refusal, too. */
  async #exchangeOnce(
    method: Method,
    path: string,
    document: TextDocument | null,
    options: RequestOptions & { readonly timeoutMs?: number },
  ): Promise<Answer> {
    const timeoutMs = options.timeoutMs ?? this.#timeoutMs;
    const timeout = AbortSignal.timeout(timeoutMs);
    const headers: Record<string, string> = { accept: `${JSON_TYPE}, */*;q=0.1` };
    if (this.#key !== undefined) headers.authorization = `Bearer ${this.#key}`;
    if (document !== null) headers["content-type"] = document.type;
    let answer: Answer & { readonly status: number };
    try {
      const given = await this.#http.request(path, {
        method,
        headers,
        body: document?.text,
        signal: options.signal === undefined ? timeout : AbortSignal.any([timeout, options.signal]),
      });
      answer = {
        status: given.statusCode,
        type: given.headers["content-type"] ?? JSON_TYPE,
        text: await textOf(given, this.#maxAnswer),
        headers: given.headers,
      };
    } catch (thrown) {
      const caller = this.#key === undefined ? "site" : "operator";
      throw httpsError(thrown, { url: this.url, proxy: this.#proxy, timeoutMs, caller });
    }
    if (answer.status < 200 || answer.status > 299) {
      throw this.#refusal(answer.status, readJson(answer.text));
    }
    return answer;
  }

  #refusal(status: number, answer: unknown): FairleadError {
    const parsed = ErrorResponse.safeParse(answer);
    if (parsed.success) return fromErrorBody(parsed.data.error, "edge.internal");
    // A load balancer, a captive portal or another server on the path answers with these.
    const isFromPath = status === 502 || status === 503 || status === 504 || status >= 520;
    return new FairleadError(
      isFromPath ? "edge.unreachable" : "edge.internal",
      `${this.url} answered with status ${status}, which is not the answer of a Fairlead edge.`,
      { action: foreignAnswerAction(status) },
    );
  }
}

/** The value of a JSON text; null for an empty text, undefined for invalid JSON. */
function readJson(text: string): unknown {
  if (text === "") return null;
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
