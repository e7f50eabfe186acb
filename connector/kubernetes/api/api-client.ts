/** Requests to a Kubernetes API server, with the account's token. */
import * as z from "zod";
import { Agent, type Dispatcher, request } from "../../net/undici.ts";
import { type ApiAddress, connectTo } from "./connect.ts";
import { ApiError, type Failure } from "./failure.ts";

/** Time limit of a connection, and of an answer's head, ms. */
const ANSWER_TIME = 30_000;
/** Longest answer that is read, bytes. */
const MAX_ANSWER = 64 * 1024 * 1024;
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
  readonly #url: string;
  readonly #tokens: TokenSource;
  readonly #observer: ApiObserver | undefined;
  readonly #agent: Agent;

  constructor(address: ApiAddress, tokens: TokenSource, observer?: ApiObserver) {
    this.#url = address.url;
    this.#tokens = tokens;
    this.#observer = observer;
    this.#agent = new Agent({
      connect: connectTo(address, ANSWER_TIME),
      headersTimeout: ANSWER_TIME,
      // The caller limits the silence of a watch, and of a body.
      bodyTimeout: 0,
    });
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
    return (await this.#send({ method: "GET", path }, signal)).body;
  }

  async close(): Promise<void> {
    await this.#agent.destroy();
  }

  async #document(what: Request, signal: AbortSignal | undefined): Promise<unknown> {
    const late = AbortSignal.timeout(ANSWER_TIME);
    const ends = signal === undefined ? late : AbortSignal.any([signal, late]);
    const { body } = await this.#send(what, ends);
    try {
      return JSON.parse(await textOf(body, MAX_ANSWER));
    } catch (error) {
      throw unanswered(error);
    }
  }

  async #send(what: Request, signal: AbortSignal): Promise<Dispatcher.ResponseData> {
    const response = await this.#answer(what, signal);
    this.#observer?.answered(response.statusCode);
    if (response.statusCode < 400) return response;
    if (response.statusCode === 401) this.#tokens.refused();
    throw new ApiError(await failureOf(response));
  }

  async #answer(
    { method, path, contentType, text }: Request,
    signal: AbortSignal,
  ): Promise<Dispatcher.ResponseData> {
    try {
      const token = await this.#tokens.token();
      return await request(this.#agent, `${this.#url}${path}`, {
        method,
        headers: {
          accept: "application/json",
          "user-agent": "fairlead",
          ...(token === null ? {} : { authorization: `Bearer ${token}` }),
          // undici adds the length of a text.
          ...(text === undefined || contentType === undefined ? {} : { "content-type": contentType }),
        },
        ...(text === undefined ? {} : { body: text }),
        signal,
      });
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

async function failureOf({ statusCode, headers, body }: Dispatcher.ResponseData): Promise<Failure> {
  const seconds = Number(headers["retry-after"]);
  const text = await textOf(body, 1024 * 1024).catch(() => "");
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

async function textOf(body: AsyncIterable<Buffer>, limit: number): Promise<string> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of body) {
    size += chunk.length;
    if (size > limit) throw new Error(`The answer has more than ${limit} bytes.`);
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString("utf8");
}
