import { createSocket } from "node:dgram";
import { once } from "node:events";
import { decode, encode } from "dns-packet";
import { describe, expect, it, onTestFinished } from "vitest";
import { parallelQueries, steadyQueries } from "../../bench/clients/dns.ts";

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

describe("the bench's DNS client", () => {
  it("sends the next query when one is answered", async () => {
    const result = await parallelQueries(await server(), 4, 50);
    expect(result.answers).toBeGreaterThan(4);
    expect(result.failed).toBe(0);
    expect(result.p99).toBeGreaterThan(0);
  });

  it("sends queries at a rate, and counts those without an answer", async () => {
    const result = await steadyQueries(await server({ every: 2 }), 1000, 50);
    expect(result.answers).toBeGreaterThan(0);
    expect(result.failed).toBeGreaterThan(0);
  });

  it("counts answers with an error as failed", async () => {
    const result = await steadyQueries(await server({ rcode: 2 }), 1000, 20);
    expect(result).toMatchObject({ answers: 0 });
    expect(result.failed).toBeGreaterThan(0);
  });
});
