/** A client for HTTP where wrk is missing: over kept-alive connections, and over new ones. */
import { connect } from "node:net";
import { performance } from "node:perf_hooks";
import { Pool } from "undici";
import type { Address } from "../../support/process/cluster.ts";
import type { Requests } from "../measures/measure.ts";
import { percentile } from "../statistics.ts";

/** Sends requests over `connections` kept-alive connections for `ms`, one at a time on each. */
export async function ownRequests(to: Address, connections: number, ms: number): Promise<Requests> {
  const pool = new Pool(`http://${to.host}:${to.port}`, { connections, pipelining: 1 });
  const one = async () => {
    const { body, statusCode } = await pool.request({ path: "/", method: "GET" });
    await body.dump({ limit: 4096 });
    if (statusCode !== 200) throw new Error(`The server answered with status ${statusCode}.`);
  };
  await Promise.all(Array.from({ length: connections }, one));
  const result = await repeat(one, connections, ms);
  await pool.close();
  return result;
}

/** Opens connections with one request each for `ms`, `parallel` at a time. */
export async function newConnections(to: Address, parallel: number, ms: number): Promise<Requests> {
  return await repeat(() => askOnce(to), parallel, ms);
}

/** Repeats a request for `ms`, `parallel` at a time. */
async function repeat(one: () => Promise<void>, parallel: number, ms: number): Promise<Requests> {
  const times: number[] = [];
  let errors = 0;
  const from = performance.now();
  const until = from + ms;
  await Promise.all(
    Array.from({ length: parallel }, async () => {
      for (let at = performance.now(); at < until; ) {
        await one().catch(() => errors++);
        const after = performance.now();
        times.push(after - at);
        at = after;
      }
    }),
  );
  const seconds = (performance.now() - from) / 1000;
  const sorted = Float64Array.from(times).sort();
  return {
    requests: times.length,
    perSecond: times.length / seconds,
    errors,
    p50: percentile(sorted, 0.5),
    p99: percentile(sorted, 0.99),
    p999: percentile(sorted, 0.999),
  };
}

/** Opens a connection for one request. @throws Error when the answer is incomplete */
function askOnce(to: Address): Promise<void> {
  return new Promise((done, fail) => {
    const socket = connect({ host: to.host, port: to.port });
    let bytes = 0;
    socket.write("GET / HTTP/1.1\r\nhost: bench\r\nconnection: close\r\n\r\n");
    socket.on("data", (chunk) => {
      bytes += chunk.length;
    });
    socket.once("error", fail);
    socket.once("close", () => {
      if (bytes > 1024) done();
      else fail(new Error(`The answer has ${bytes} bytes.`));
    });
  });
}
