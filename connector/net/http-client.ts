/**
 * An HTTP/1.1 client of one server, over connections that are kept for the next request. It is Node's own, which
 * connectors load anyway: with undici, `fairlead status` took 194 and not 140 ms (docs/decisions/0196).
 */
import { Agent, type ClientRequest, type IncomingMessage, request } from "node:http";
import type { Duplex } from "node:stream";

/** Idle time of a connection after which it is closed, ms; Node's servers close theirs later. */
const KEPT_MS = 4000;

/** Opens a connection to the server, with TLS if there is to be any. */
export type Dial = (signal: AbortSignal) => Promise<Duplex>;

export interface HttpRequest {
  readonly method: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body?: string | undefined;
  /** Ends the request, and the reading of its answer. */
  readonly signal: AbortSignal;
}

/** An answer whose head was read. It throws the signal's reason, or an error of Node, when its content is cut off. */
export type HttpAnswer = IncomingMessage & { readonly statusCode: number };

/** The content of an answer has more bytes than its reader takes. */
export class ContentTooLong extends Error {
  constructor(limit: number) {
    super(`The answer has more than ${limit} bytes.`);
    this.name = "ContentTooLong";
  }
}

export class HttpClient {
  readonly #url: string;
  readonly #agent: DialingAgent;

  /** @param url to which the paths of requests are added */
  constructor(url: string, dial: Dial) {
    this.#url = url;
    this.#agent = new DialingAgent(dial);
  }

  /**
   * Sends a request. The caller reads the content of the answer. Redirects are not followed.
   * @param path with its query
   * @throws the signal's reason; what the dial throws; an error of Node with its code
   */
  async request(path: string, { method, headers, body, signal }: HttpRequest): Promise<HttpAnswer> {
    signal.throwIfAborted();
    const { host, pathname, search } = new URL(`${this.#url}${path}`);
    // Node gives the length of a text only with methods that usually have one.
    const length = body === undefined ? {} : { "content-length": Buffer.byteLength(body) };
    const sent = request({
      agent: this.#agent,
      path: `${pathname}${search}`,
      method,
      headers: { host, ...headers, ...length },
    });
    const answer = answerOf(sent, signal);
    sent.end(body);
    return await answer;
  }

  /** Ends all connections, requests and dials. */
  close(): void {
    this.#agent.destroy();
  }
}

/** Node's pool of connections, with another way to open one. */
class DialingAgent extends Agent {
  readonly #dial: Dial;
  readonly #closed = new AbortController();

  constructor(dial: Dial) {
    super({ keepAlive: true, timeout: KEPT_MS });
    this.#dial = dial;
  }

  override createConnection(
    _: unknown,
    opened?: (error: Error | null, connection: Duplex) => void,
  ): undefined {
    this.#dial(this.#closed.signal).then(
      (connection) => opened?.(null, connection),
      // The type asks for a connection here, too; Node does not.
      (error: unknown) => (opened as ((error: unknown) => void) | undefined)?.(error),
    );
  }

  override destroy(): void {
    this.#closed.abort();
    super.destroy();
  }
}

/** Waits for the head of an answer. The signal also ends what follows it. */
function answerOf(sent: ClientRequest, signal: AbortSignal): Promise<HttpAnswer> {
  const { promise, resolve, reject } = Promise.withResolvers<HttpAnswer>();
  let answer: IncomingMessage | undefined;
  const abort = (): void => {
    // A request that still waits for its connection fails once it has one.
    reject(signal.reason);
    (answer ?? sent).destroy(signal.reason);
  };
  signal.addEventListener("abort", abort, { once: true });
  const done = (): void => signal.removeEventListener("abort", abort);
  sent.on("error", (error) => {
    done();
    reject(error);
  });
  sent.once("response", (response) => {
    answer = response;
    response.once("close", done);
    // A parsed response has a status; Node's type is that of a request, too.
    resolve(response as HttpAnswer);
  });
  return promise;
}

/** Reads the content of an answer as UTF-8. @throws ContentTooLong after `limit` bytes; what the answer throws */
export async function textOf(content: AsyncIterable<Buffer>, limit: number): Promise<string> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of content) {
    size += chunk.length;
    if (size > limit) throw new ContentTooLong(limit);
    chunks.push(chunk);
  }
  return new TextDecoder().decode(Buffer.concat(chunks, size));
}
