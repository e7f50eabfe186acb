/** Sends GET and POST requests at a steady rate over kept connections, each with a path of its own. */
import { Agent, request } from "node:http";
import { HELD_MS } from "./requests.ts";
import type { Place } from "./servers.ts";

export interface HttpLoadOptions {
  readonly place: Place;
  readonly getsPerSecond: number;
  readonly postsPerSecond: number;
  /** How long a request may take, ms. */
  readonly timeoutMs?: number;
}

/** The requests of one method. */
export interface LoadCount {
  sent: number;
  answered: number;
  /** What became of the requests that have no answer with 200 and their own path. */
  readonly failures: string[];
  /** Failures of requests that waited for less than a listener holds a client. */
  readonly impatient: string[];
  slowestMs: number;
}

const none = (): LoadCount => ({ sent: 0, answered: 0, failures: [], impatient: [], slowestMs: 0 });

export class HttpLoad {
  readonly gets = none();
  readonly posts = none();
  /** Answers by target. */
  readonly byTarget = new Map<string, number>();
  readonly #options: HttpLoadOptions;
  readonly #agent = new Agent({ keepAlive: true, maxSockets: 64 });
  readonly #timer: NodeJS.Timeout;
  readonly #begin = performance.now();
  readonly #running = new Set<Promise<void>>();

  /** Begins at once. */
  constructor(options: HttpLoadOptions) {
    this.#options = options;
    const { getsPerSecond, postsPerSecond } = options;
    this.#timer = setInterval(() => {
      const seconds = (performance.now() - this.#begin) / 1000;
      while (this.gets.sent < seconds * getsPerSecond) this.#send("GET", this.gets);
      while (this.posts.sent < seconds * postsPerSecond) this.#send("POST", this.posts);
    }, 5);
  }

  /** Resolves when every request has been answered or has failed. */
  async stop(): Promise<void> {
    clearInterval(this.#timer);
    await Promise.all(this.#running);
    this.#agent.destroy();
  }

  #send(method: "GET" | "POST", count: LoadCount): void {
    const path = `/${method.toLowerCase()}/${count.sent++}`;
    const begin = performance.now();
    const running = this.#ask(method, path)
      .then((target) => {
        count.answered++;
        this.byTarget.set(target, (this.byTarget.get(target) ?? 0) + 1);
      })
      .catch((error: Error) => {
        const at = Math.round(begin - this.#begin);
        const after = Math.round(performance.now() - begin);
        const failure = `${path} at ${at} ms, after ${after} ms: ${error.message}`;
        count.failures.push(failure);
        if (after < HELD_MS) count.impatient.push(failure);
      })
      .finally(() => {
        count.slowestMs = Math.max(count.slowestMs, Math.round(performance.now() - begin));
        this.#running.delete(running);
      });
    this.#running.add(running);
  }

  #ask(method: string, path: string): Promise<string> {
    const { place, timeoutMs = 60_000 } = this.#options;
    return new Promise((resolve, reject) => {
      const asked = request(
        { ...place, method, path, agent: this.#agent, timeout: timeoutMs },
        (response) => {
          let body = "";
          response.setEncoding("utf8");
          response.on("data", (piece: string) => {
            body += piece;
          });
          response.on("error", reject);
          response.on("end", () => {
            const { statusCode, headers } = response;
            const isRight = statusCode === 200 && body.startsWith(`${path} by `);
            if (isRight) resolve(String(headers["x-target"]));
            else reject(new Error(`status ${statusCode}, ${body.trim().slice(0, 100)}`));
          });
        },
      );
      asked.on("timeout", () => asked.destroy(new Error("no answer in time")));
      asked.on("error", reject);
      // A body, so that a repetition would have to send it again.
      asked.end(method === "POST" ? `body of ${path}` : undefined);
    });
  }
}
