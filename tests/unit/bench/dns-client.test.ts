import { createSocket } from "node:dgram";
import { once } from "node:events";
import { decode, encode } from "dns-packet";
import { describe, expect, it, onTestFinished } from "vitest";
import { type Answers, parallelQueries, steadyQueries } from "../../bench/clients/dns.ts";
import { eventually } from "../../support/clock/eventually.ts";

/** A server that answers every query, or every second one, and all with an error where `rcode` is not 0. */
async function server({ rcode = 0, every = 1 } = {}): Promise<{ host: string; port: number; name: string }> {
  const socket = createSocket("udp4");
  let count = 0;
  socket.on("message", (message, { address, port }) => {
    if (count++ % every !== 0) return;
    const { id, questions } = decode(message);
    const answers = [{ type: "A" as const, name: "web.bench.internal", ttl: 5, data: "127.0.0.1" }];
    socket.send(encode({ type: "response", id, flags: rcode, questions, answers }), port, address);
  });
  socket.bind(0, "127.0.0.1");
  await once(socket, "listening");
  onTestFinished(() => void socket.close());
  return { host: "127.0.0.1", port: socket.address().port, name: "web.bench.internal" };
}

/** Runs the client again while a busy machine keeps it from sending within its time. */
async function runUntil(
  enough: (answers: Answers) => boolean,
  run: () => Promise<Answers>,
): Promise<Answers> {
  return await eventually("a run with enough queries", async () => {
    const result = await run();
    return enough(result) && result;
  });
}

describe("the bench's DNS client", () => {
  it("sends the next query when one is answered", async () => {
    const to = await server();
    const result = await runUntil(
      ({ answers, failed }) => answers > 4 && failed === 0,
      () => parallelQueries(to, 4, 50),
    );
    expect(result.p99).toBeGreaterThan(0);
  });

  it("sends queries at a rate, and counts those without an answer", async () => {
    const to = await server({ every: 2 });
    await runUntil(
      ({ answers, failed }) => answers > 0 && failed > 0,
      () => steadyQueries(to, 1000, 50),
    );
  });

  it("counts answers with an error as failed", async () => {
    const to = await server({ rcode: 2 });
    const result = await runUntil(
      ({ failed }) => failed > 0,
      () => steadyQueries(to, 1000, 20),
    );
    expect(result).toMatchObject({ answers: 0 });
  });
});
