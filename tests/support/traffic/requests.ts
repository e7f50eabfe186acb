/** HTTP requests over new connections at a steady rate, and large downloads. Every body is checked. */
import { createHash } from "node:crypto";
import { once } from "node:events";
import { createServer, get, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { buffer } from "node:stream/consumers";
import { pipeline } from "node:stream/promises";
import { setTimeout as sleep } from "node:timers/promises";
import { HOLD_MS } from "../../../connector/listeners/open-stream.ts";
import { TIME_LIMITS } from "../../../protocol/time-limits.ts";
import { Pattern } from "./pattern.ts";
import { bytesOf, type Place } from "./servers.ts";

const CHUNK = 64 * 1024;

/**
 * Most requests in progress. A connector dials a target at most 256 times at once, and a server has room for 511
 * connections that wait: beyond that, a machine too slow for the rate would fail requests by itself.
 */
const MOST = 200;

/** Time for which a listener holds a client at least, ms: without a session, or on one that gives no sign of life. */
export const HELD_MS = Math.min(HOLD_MS, TIME_LIMITS.longSilence.least);

/** Time that a client's stream takes to open once there is a path again, ms: far more than it does. */
const OPENING_MS = 2000;

/** Whether a listener holds clients for long enough that a path which is away for `awayMs` fails none of them. */
export const holdsAll = (awayMs: number): boolean => awayMs + OPENING_MS < HELD_MS;

export interface WebServer {
  /** `HOST:PORT` */
  readonly at: string;
  close(): Promise<void>;
}

/** Serves `/item/N`, and `/download?bytes=N&seconds=S`, which takes about S seconds. */
export async function serveWeb(host = "127.3.0.2"): Promise<WebServer> {
  const server = createServer((request, response) => {
    const url = new URL(request.url ?? "/", "http://server");
    if (url.pathname === "/download") void download(url.searchParams, response);
    else response.end(itemOf(url.pathname));
  });
  server.listen(0, host);
  await once(server, "listening");
  return {
    at: `${host}:${(server.address() as AddressInfo).port}`,
    async close() {
      server.closeAllConnections();
      await new Promise((closed) => server.close(closed));
    },
  };
}

/** The body of an item. */
export const itemOf = (path: string) =>
  bytesOf(path, 200 + ((path.length * 997 + Number(path.split("/")[2]) * 131) % 8000));

async function download(asked: URLSearchParams, response: ServerResponse): Promise<void> {
  const [bytes, seconds] = [Number(asked.get("bytes")), Number(asked.get("seconds"))];
  response.writeHead(200, { "content-length": bytes });
  // The client detects a download that breaks off.
  await pipeline(paced(bytes, seconds), response).catch(() => {});
}

async function* paced(bytes: number, seconds: number): AsyncGenerator<Buffer> {
  const pattern = new Pattern(`download ${bytes}`);
  const begin = performance.now();
  for (let sent = 0; sent < bytes; sent += CHUNK) {
    const ahead = (sent / bytes) * seconds * 1000 - (performance.now() - begin);
    if (ahead > 20) await sleep(ahead);
    yield pattern.take(Math.min(CHUNK, bytes - sent));
  }
}

/** Downloads through a listener. Returns the SHA-256 of the bytes. @throws Error when the download breaks off */
export async function downloadThrough(place: Place, bytes: number, seconds: number): Promise<string> {
  const response = await ask(place, `/download?bytes=${bytes}&seconds=${seconds}`);
  const hash = createHash("sha256");
  let got = 0;
  for await (const chunk of response as AsyncIterable<Buffer>) {
    hash.update(chunk);
    got += chunk.length;
  }
  if (got !== bytes) throw new Error(`The download had ${got} of ${bytes} bytes.`);
  return hash.digest("hex");
}

/** Returns the SHA-256 that {@link downloadThrough} must return. */
export function downloadHash(bytes: number): string {
  const pattern = new Pattern(`download ${bytes}`);
  const hash = createHash("sha256");
  for (let made = 0; made < bytes; made += CHUNK) hash.update(pattern.take(Math.min(CHUNK, bytes - made)));
  return hash.digest("hex");
}

async function ask({ host, port }: Place, path: string): Promise<IncomingMessage> {
  const asked = get({ host, port, path, agent: false });
  const [response] = (await once(asked, "response")) as [IncomingMessage];
  return response;
}

/** Sends requests at a steady rate, whether or not they are answered, but leaves out those beyond {@link MOST}. */
export class Requests {
  readonly #place: Place;
  readonly #timer: NodeJS.Timeout;
  readonly #begin = performance.now();
  readonly #running = new Set<Promise<void>>();
  readonly failures: string[] = [];
  /** Failures of requests that waited for less than a listener holds a client. */
  readonly impatient: string[] = [];
  asked = 0;
  answered = 0;
  slowestMs = 0;

  constructor(place: Place, perSecond: number) {
    this.#place = place;
    let due = 0;
    this.#timer = setInterval(() => {
      const until = ((performance.now() - this.#begin) / 1000) * perSecond;
      for (; due < until; due++) if (this.#running.size < MOST) this.#one(this.asked++);
    }, 1000 / perSecond);
  }

  /** Resolves when every request has been answered or has failed. */
  async stop(): Promise<void> {
    clearInterval(this.#timer);
    await Promise.all(this.#running);
  }

  #one(number: number): void {
    const begin = performance.now();
    const path = `/item/${number}`;
    const running = ask(this.#place, path)
      .then((response) => buffer(response))
      .then((body) => {
        if (!body.equals(itemOf(path))) throw new Error("The answer has a wrong body.");
        this.answered++;
      })
      .catch((error: Error) => {
        const waited = Math.round(performance.now() - begin);
        const failure = `${path} after ${waited} ms: ${error.message}`;
        this.failures.push(failure);
        if (waited < HELD_MS) this.impatient.push(failure);
      })
      .finally(() => {
        this.slowestMs = Math.max(this.slowestMs, Math.round(performance.now() - begin));
        this.#running.delete(running);
      });
    this.#running.add(running);
  }
}
