/** What a measurement does: read in bulk, request over kept-alive connections, connect anew each time. */
import { connect } from "node:net";
import { performance } from "node:perf_hooks";
import { Pool } from "undici";
import type { Address } from "../support/cluster.ts";

/** Bytes per second that `streams` connections read together for `ms`. */
export async function bulk(to: Address, streams: number, ms: number): Promise<number> {
  let bytes = 0;
  const sockets = await Promise.all(
    Array.from({ length: streams }, async () => {
      const socket = connect({ host: to.host, port: to.port });
      await new Promise((done, fail) => socket.once("connect", done).once("error", fail));
      return socket;
    }),
  );
  const ended = Promise.all(
    sockets.map((socket) => new Promise((_, fail) => socket.once("error", fail).once("end", fail))),
  );
  // The first moments open the session and the window.
  const warmUp = 500;
  for (const socket of sockets) socket.on("data", (chunk: Buffer) => (bytes += chunk.length));
  await Promise.race([wait(warmUp), ended]);
  const before = { bytes, at: performance.now() };
  await Promise.race([wait(ms), ended]);
  const rate = (bytes - before.bytes) / ((performance.now() - before.at) / 1000);
  ended.catch(() => {});
  for (const socket of sockets) socket.destroy();
  return rate;
}

export interface Requests {
  perSecond: number;
  /** Milliseconds. */
  p50: number;
  p99: number;
}

/** Requests per second over `connections` kept-alive connections, for `ms`. */
export async function requests(to: Address, connections: number, ms: number): Promise<Requests> {
  const pool = new Pool(`http://${to.host}:${to.port}`, { connections, pipelining: 1 });
  const times: number[] = [];
  const one = async () => {
    const { body } = await pool.request({ path: "/", method: "GET" });
    await body.dump({ limit: 4096 });
  };
  await Promise.all(Array.from({ length: connections }, one));
  const from = performance.now();
  const until = from + ms;
  await Promise.all(
    Array.from({ length: connections }, async () => {
      for (let at = performance.now(); at < until; ) {
        await one();
        const after = performance.now();
        times.push(after - at);
        at = after;
      }
    }),
  );
  const seconds = (performance.now() - from) / 1000;
  await pool.close();
  times.sort((left, right) => left - right);
  const at = (share: number) => times[Math.min(times.length - 1, Math.floor(times.length * share))] ?? 0;
  return { perSecond: times.length / seconds, p50: at(0.5), p99: at(0.99) };
}

/** Connections per second, each opened, asked one request and closed, `parallel` at a time. */
export async function connections(to: Address, parallel: number, ms: number): Promise<number> {
  let count = 0;
  const from = performance.now();
  const until = from + ms;
  await Promise.all(
    Array.from({ length: parallel }, async () => {
      while (performance.now() < until) {
        await askOnce(to);
        count++;
      }
    }),
  );
  return count / ((performance.now() - from) / 1000);
}

function askOnce(to: Address): Promise<void> {
  return new Promise((done, fail) => {
    const socket = connect({ host: to.host, port: to.port });
    socket.write("GET / HTTP/1.1\r\nhost: bench\r\nconnection: close\r\n\r\n");
    socket.resume();
    socket.once("error", fail);
    socket.once("close", () => done());
  });
}

function wait(ms: number): Promise<void> {
  return new Promise((done) => setTimeout(done, ms));
}
