/**
 * Preloaded into a connector (`--import`): tells how many turns its event loop has had, to whoever connects to a Unix
 * socket. It costs nothing until then, and works with any build.
 */
import { createServer } from "node:net";
import { performance } from "node:perf_hooks";
import { isMainThread } from "node:worker_threads";

/** Names the socket. Child processes must not listen on it as well. */
const VARIABLE = "BENCH_LOOP_PROBE";

const path = process.env[VARIABLE];
delete process.env[VARIABLE];
if (path !== undefined && isMainThread) {
  createServer((socket) => socket.end(String(performance.nodeTiming.uvMetricsInfo.loopCount)))
    .listen(path)
    .unref();
}
