/** A bare client of a Kubernetes API, for tests: what it sends and gets is what stands on the wire. */
import { Agent, type RequestOptions, request } from "node:https";
import { createInterface } from "node:readline";
import { isObject, type JsonObject } from "./json.ts";

/** A server, and who asks it. */
export interface Access {
  readonly url: string;
  readonly ca: string;
  readonly token?: string;
  /** Client certificate and key, PEM. */
  readonly certificate?: string;
  readonly key?: string;
}

export interface CallOptions {
  readonly body?: JsonObject | JsonObject[] | string;
  readonly contentType?: string;
  readonly accept?: string;
  /** Null for a request without a token. */
  readonly token?: string | null;
  readonly userAgent?: string;
}

export interface Reply {
  readonly status: number;
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
  readonly text: string;
  /** An empty object for an answer that is no JSON object. */
  readonly body: JsonObject;
}

export interface WatchEvent {
  readonly type: string;
  readonly object: JsonObject;
}

/** A watch that is open. */
export interface OpenWatch extends AsyncDisposable {
  readonly status: number;
  /** Waits for the next event. Undefined at the watch's end. */
  next(): Promise<WatchEvent | undefined>;
  /** Waits for an event of a type, about an object of a name where one is given. */
  until(type: string, name?: string): Promise<JsonObject>;
}

export class KubeClient {
  readonly #access: Access;
  readonly #agent: Agent;

  constructor(access: Access) {
    this.#access = access;
    this.#agent = new Agent({
      ca: access.ca,
      keepAlive: true,
      ...(access.certificate === undefined ? {} : { cert: access.certificate, key: access.key }),
    });
  }

  /** The same server, asked with another token. */
  as(token: string): KubeClient {
    const { url, ca } = this.#access;
    return new KubeClient({ url, ca, token });
  }

  get(path: string, options?: CallOptions): Promise<Reply> {
    return this.call("GET", path, options);
  }

  create(path: string, body: JsonObject, options?: CallOptions): Promise<Reply> {
    return this.call("POST", path, { body, ...options });
  }

  replace(path: string, body: JsonObject, options?: CallOptions): Promise<Reply> {
    return this.call("PUT", path, { body, ...options });
  }

  delete(path: string, body?: JsonObject): Promise<Reply> {
    return this.call("DELETE", path, body === undefined ? {} : { body });
  }

  /** A merge patch, unless the content type says otherwise. */
  patch(
    path: string,
    body: JsonObject | JsonObject[],
    contentType = "application/merge-patch+json",
  ): Promise<Reply> {
    return this.call("PATCH", path, { body, contentType });
  }

  /** A server-side apply. */
  apply(path: string, manager: string, body: JsonObject, force = false): Promise<Reply> {
    const query = `fieldManager=${manager}&force=${force}`;
    return this.call("PATCH", `${path}?${query}`, { body, contentType: "application/apply-patch+yaml" });
  }

  async call(method: string, path: string, options: CallOptions = {}): Promise<Reply> {
    const { body } = options;
    const text = body === undefined ? undefined : typeof body === "string" ? body : JSON.stringify(body);
    const { promise, resolve, reject } = Promise.withResolvers<Reply>();
    const outgoing = request(
      `${this.#access.url}${path}`,
      this.#options(method, options, text),
      (response) => {
        const chunks: Buffer[] = [];
        response.on("data", (chunk: Buffer) => chunks.push(chunk));
        response.on("error", reject);
        response.on("end", () => {
          const answered = Buffer.concat(chunks).toString("utf8");
          resolve({
            status: response.statusCode ?? 0,
            headers: response.headers,
            text: answered,
            body: parsed(answered),
          });
        });
      },
    );
    outgoing.on("error", reject);
    outgoing.end(text);
    return await promise;
  }

  /** Opens a watch. A refusal is its status, and its one event of the type ERROR. */
  async watch(path: string, options: CallOptions = {}): Promise<OpenWatch> {
    const { promise, resolve, reject } = Promise.withResolvers<OpenWatch>();
    const outgoing = request(`${this.#access.url}${path}`, this.#options("GET", options), (response) => {
      const reader = createInterface({ input: response });
      // A connection that is cut closes the response without an end.
      response.on("close", () => reader.close());
      const lines = reader[Symbol.asyncIterator]();
      const next = async () => {
        const { value, done } = await lines.next();
        if (done === true) return undefined;
        const event = parsed(String(value));
        return isObject(event.object)
          ? { type: String(event.type), object: event.object }
          : { type: "ERROR", object: event };
      };
      resolve({
        status: response.statusCode ?? 0,
        next,
        until: async (type, name) => {
          for (let event = await next(); event !== undefined; event = await next()) {
            const metadata = isObject(event.object.metadata) ? event.object.metadata : {};
            if (event.type === type && (name === undefined || metadata.name === name)) return event.object;
          }
          throw new Error(`The watch ended without ${type} of ${name ?? "any object"}.`);
        },
        [Symbol.asyncDispose]: () => {
          response.on("error", () => undefined);
          outgoing.destroy();
          return Promise.resolve();
        },
      });
    });
    outgoing.on("error", reject);
    outgoing.end();
    return await promise;
  }

  close(): void {
    this.#agent.destroy();
  }

  #options(method: string, options: CallOptions, text?: string): RequestOptions {
    const { contentType = "application/json", accept = "application/json", userAgent = "tests/1" } = options;
    const token = options.token === undefined ? this.#access.token : options.token;
    return {
      method,
      agent: this.#agent,
      headers: {
        accept,
        "user-agent": userAgent,
        ...(token === undefined || token === null ? {} : { authorization: `Bearer ${token}` }),
        ...(text === undefined
          ? {}
          : { "content-type": contentType, "content-length": Buffer.byteLength(text) }),
      },
    };
  }
}

function parsed(text: string): JsonObject {
  try {
    const value: unknown = JSON.parse(text);
    return isObject(value) ? value : {};
  } catch {
    return {};
  }
}
