/** Requests to a Kubernetes API server, with the account's token. */
import * as z from "zod";
import { type HttpAnswer, HttpClient, textOf } from "../../net/http-client.ts";
import { type ApiAddress, dialApi } from "./connect.ts";
import { ApiError, type Failure } from "./failure.ts";

/** Time limit of a connection, and of an answer's head, ms. */
const ANSWER_TIME = 30_000;
/** Longest answer that is read, bytes. */
const MAX_ANSWER = 64 * 1024 * 1024;
/** Longest text of a refusal that is read, bytes. */
const MAX_STATUS = 1024 * 1024;
/** Why a request ends whose answer does not begin in time. */
const late = () => new Error(`The API server did not answer within ${ANSWER_TIME / 1000} s.`);
/** The server's word for a refusal of new objects in a namespace that is being deleted. */
const NAMESPACE_TERMINATING = "NamespaceTerminating";

const Status = z.object({
  message: z.string().optional(),
  reason: z.string().optional(),
  details: z.object({ causes: z.array(z.object({ reason: z.string().optional() })).optional() }).optional(),
});

/** The account's token. */
export interface TokenSource {
  /** Reads the token; a file is read again when it may be old. Null: the connection says who asks. */
  token(): Promise<string | null>;
  /** The server refused the token: the next one is read anew. */
  refused(): void;
}

/** Hears of each request whether the server answered it, and with which status. */
export interface ApiObserver {
  answered(status: number): void;
  unanswered(failure: Failure): void;
}

export interface WriteOptions {
  readonly body?: unknown;
  /** `application/json` unless given. */
  readonly contentType?: string;
  readonly signal?: AbortSignal;
}

export type WriteMethod = "POST" | "PUT" | "PATCH" | "DELETE";

export class ApiClient {
  readonly #tokens: TokenSource;
  readonly #observer: ApiObserver | undefined;
  readonly #http: HttpClient;

  constructor(address: ApiAddress, tokens: TokenSource, observer?: ApiObserver) {
    this.#tokens = tokens;
    this.#observer = observer;
    this.#http = new HttpClient(address.url, dialApi(address, ANSWER_TIME));
  }

  /**
   * Reads a document. @param path with its query
   * @throws ApiError
   */
  async get(path: string, signal?: AbortSignal): Promise<unknown> {
    return await this.#document({ method: "GET", path }, signal);
  }

  /**
   * Creates, replaces, patches or deletes. Returns the server's answer.
   * @throws ApiError
   */
  async write(
    method: WriteMethod,
    path: string,
    { body, contentType = "application/json", signal }: WriteOptions = {},
  ): Promise<unknown> {
    const text = body === undefined ? undefined : JSON.stringify(body);
    return await this.#document({ method, path, contentType, text }, signal);
  }

  /**
   * Opens a watch: chunks of its lines, until the server ends it or the signal does.
   * @throws ApiError
   */
  async watch(path: string, signal: AbortSignal): Promise<AsyncIterable<Buffer>> {
    return await this.#send({ method: "GET", path }, signal);
  }

  async close(): Promise<void> {
    this.#http.close();
  }

  async #document(what: Request, signal: AbortSignal | undefined): Promise<unknown> {
    const limit = AbortSignal.timeout(ANSWER_TIME);
    const ends = signal === undefined ? limit : AbortSignal.any([signal, limit]);
    const answer = await this.#send(what, ends);
    try {
      return JSON.parse(await textOf(answer, MAX_ANSWER));
    } catch (error) {
      throw unanswered(error);
    }
  }

  async #send(what: Request, signal: AbortSignal): Promise<HttpAnswer> {
    const response = await this.#answer(what, signal);
    this.#observer?.answered(response.statusCode);
    if (response.statusCode < 400) return response;
    if (response.statusCode === 401) this.#tokens.refused();
    throw new ApiError(await failureOf(response));
  }

  async #answer({ method, path, contentType, text }: Request, signal: AbortSignal): Promise<HttpAnswer> {
    try {
      const token = await this.#tokens.token();
      const headTime = new AbortController();
      const timer = setTimeout(() => headTime.abort(late()), ANSWER_TIME);
      return await this.#http
        .request(path, {
          method,
          headers: {
            accept: "application/json",
            "user-agent": "fairlead",
            ...(token === null ? {} : { authorization: `Bearer ${token}` }),
            ...(text === undefined || contentType === undefined ? {} : { "content-type": contentType }),
          },
          body: text,
          signal: AbortSignal.any([signal, headTime.signal]),
        })
        .finally(() => clearTimeout(timer));
    } catch (error) {
      const failed = unanswered(error);
      this.#observer?.unanswered(failed.failure);
      throw failed;
    }
  }
}

interface Request {
  readonly method: "GET" | WriteMethod;
  readonly path: string;
  readonly contentType?: string;
  readonly text?: string | undefined;
}

const unanswered = (error: unknown) =>
  error instanceof ApiError
    ? error
    : new ApiError({ status: null, message: error instanceof Error ? error.message : String(error) });

async function failureOf(answer: HttpAnswer): Promise<Failure> {
  const { statusCode, headers } = answer;
  const seconds = Number(headers["retry-after"]);
  const text = await textOf(answer, MAX_STATUS).catch(() => "");
  const { message = `The API server answered with ${statusCode}.`, reason, details } = parsedStatus(text);
  const isTerminating = details?.causes?.some(({ reason: cause }) => cause === NAMESPACE_TERMINATING);
  return {
    status: statusCode,
    message,
    ...(reason === undefined || reason === "" ? {} : { reason }),
    ...(isTerminating === true ? { isTerminating } : {}),
    ...(Number.isFinite(seconds) && seconds > 0 ? { retryAfter: seconds * 1000 } : {}),
  };
}

function parsedStatus(text: string): z.infer<typeof Status> {
  try {
    return Status.parse(JSON.parse(text));
  } catch {
    return {};
  }
}
