/** Requests to a Kubernetes API server, with the account's token. */
import { z } from "zod";
import { Agent, type Dispatcher, request } from "../../net/undici.ts";
import { ApiError, type Failure } from "./failure.ts";

/** Time limit of a connection, and of an answer's head, ms. */
const ANSWER_TIME = 30_000;
/** Longest answer that is read, bytes. */
const MAX_ANSWER = 64 * 1024 * 1024;

const Status = z.object({ message: z.string().optional(), reason: z.string().optional() });

/** Where the API server is, and how it is known. */
export interface ApiAddress {
  readonly url: string;
  /** PEM. */
  readonly ca: string;
}

/** The account's token. */
export interface TokenSource {
  /** Reads the token; a file is read again when it may be old. */
  token(): Promise<string>;
  /** The server refused the token: the next one is read anew. */
  refused(): void;
}

export class ApiClient {
  readonly #url: string;
  readonly #tokens: TokenSource;
  readonly #agent: Agent;

  constructor({ url, ca }: ApiAddress, tokens: TokenSource) {
    this.#url = url;
    this.#tokens = tokens;
    this.#agent = new Agent({
      connect: { ca, timeout: ANSWER_TIME },
      headersTimeout: ANSWER_TIME,
      // The caller limits the silence of a watch, and of a body.
      bodyTimeout: 0,
    });
  }

  /**
   * Reads a document. @param path with its query
   * @throws ApiError
   */
  async get(path: string, signal: AbortSignal): Promise<unknown> {
    const { body } = await this.#send(path, AbortSignal.any([signal, AbortSignal.timeout(ANSWER_TIME)]));
    try {
      return JSON.parse(await textOf(body, MAX_ANSWER));
    } catch (error) {
      throw unanswered(error);
    }
  }

  /**
   * Opens a watch: chunks of its lines, until the server ends it or the signal does.
   * @throws ApiError
   */
  async watch(path: string, signal: AbortSignal): Promise<AsyncIterable<Buffer>> {
    return (await this.#send(path, signal)).body;
  }

  async close(): Promise<void> {
    await this.#agent.destroy();
  }

  async #send(path: string, signal: AbortSignal): Promise<Dispatcher.ResponseData> {
    const token = await this.#tokens.token();
    let response: Dispatcher.ResponseData;
    try {
      response = await request(this.#agent, `${this.#url}${path}`, {
        method: "GET",
        headers: { accept: "application/json", authorization: `Bearer ${token}`, "user-agent": "fairlead" },
        signal,
      });
    } catch (error) {
      throw unanswered(error);
    }
    if (response.statusCode < 400) return response;
    if (response.statusCode === 401) this.#tokens.refused();
    throw new ApiError(await failureOf(response));
  }
}

const unanswered = (error: unknown) =>
  error instanceof ApiError
    ? error
    : new ApiError({ status: null, message: error instanceof Error ? error.message : String(error) });

async function failureOf({ statusCode, headers, body }: Dispatcher.ResponseData): Promise<Failure> {
  const seconds = Number(headers["retry-after"]);
  const text = await textOf(body, 1024 * 1024).catch(() => "");
  const { message = `The API server answered with ${statusCode}.` } = parsedStatus(text);
  return {
    status: statusCode,
    message,
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
