/** Clients for gRPC, on HTTP/2 without a library of gRPC: a call's message is the same bytes each time. */
import { once } from "node:events";
import { type ClientHttp2Session, connect, constants } from "node:http2";
import { performance } from "node:perf_hooks";
import type { Address } from "../../support/process/cluster.ts";

/** Length of a message, bytes. */
export const MESSAGE_BYTES = 100;

/** The call that is answered with one message. */
export const UNARY_PATH = "/bench.Bench/Unary";

const PREFIX_BYTES = 5;

/** A message of that length, with the prefix that gRPC gives it: not compressed, and its length. */
export function framed(bytes: number): Buffer {
  const message = Buffer.alloc(PREFIX_BYTES + bytes, "x");
  message.writeUInt8(0, 0);
  message.writeUInt32BE(bytes, 1);
  return message;
}

const REQUEST_HEADERS = {
  ":method": "POST",
  ":path": UNARY_PATH,
  "content-type": "application/grpc",
  te: "trailers",
};

/** Sends unary calls over `channels` connections, `parallel` at a time on each, for `ms`. */
export async function unaryCalls(
  to: Address,
  { channels, parallel, ms }: { channels: number; parallel: number; ms: number },
): Promise<{ calls: number; perSecond: number; meanMs: number }> {
  const sessions = Array.from({ length: channels }, () => connect(`http://${to.host}:${to.port}`));
  const request = framed(MESSAGE_BYTES);
  let calls = 0;
  let times = 0;
  const from = performance.now();
  try {
    await Promise.all(
      sessions.flatMap((session) =>
        Array.from({ length: parallel }, async () => {
          for (let at = performance.now(); at < from + ms; ) {
            await unaryCall(session, request);
            calls++;
            const after = performance.now();
            times += after - at;
            at = after;
          }
        }),
      ),
    );
  } finally {
    for (const session of sessions) session.destroy();
  }
  return { calls, perSecond: calls / ((performance.now() - from) / 1000), meanMs: times / calls };
}

/** @throws Error when the call does not end with the status OK */
function unaryCall(session: ClientHttp2Session, request: Buffer): Promise<void> {
  return new Promise((done, fail) => {
    const stream = session.request(REQUEST_HEADERS);
    let status = "";
    stream.on("trailers", (trailers) => {
      status = String(trailers["grpc-status"]);
    });
    stream.on("error", fail);
    stream.on("close", () =>
      status === "0" ? done() : fail(new Error(`The call ended with status ${status || "none"}.`)),
    );
    stream.resume();
    stream.end(request);
  });
}

/** Receives the messages of one call for `ms`, after `warmUpMs`. */
export async function receiveMessages(
  to: Address,
  { ms, warmUpMs }: { ms: number; warmUpMs: number },
): Promise<{ messages: number; perSecond: number }> {
  const session = connect(`http://${to.host}:${to.port}`, { settings: { initialWindowSize: 1024 * 1024 } });
  try {
    await once(session, "connect");
    session.setLocalWindowSize(4 * 1024 * 1024);
    const stream = session.request({ ...REQUEST_HEADERS, ":path": "/bench.Bench/Messages" });
    stream.end(framed(MESSAGE_BYTES));
    let bytes = 0;
    const failed = new Promise<never>((_, fail) => {
      for (const emitter of [stream, session]) emitter.on("error", fail);
      stream.on("end", () => fail(new Error("The call ended by itself.")));
    });
    stream.on("data", (chunk: Buffer) => {
      bytes += chunk.length;
    });
    await Promise.race([pause(warmUpMs), failed]);
    const [from, before] = [performance.now(), bytes];
    await Promise.race([pause(ms), failed]);
    const count = (received: number) => received / (PREFIX_BYTES + MESSAGE_BYTES);
    const perSecond = count(bytes - before) / ((performance.now() - from) / 1000);
    const messages = count(bytes);
    failed.catch(() => {});
    stream.close(constants.NGHTTP2_CANCEL);
    if (messages === 0) throw new Error("No message came.");
    return { messages, perSecond };
  } finally {
    session.destroy();
  }
}

const pause = (ms: number) => new Promise<void>((done) => setTimeout(done, ms));
