import { createSocket } from "node:dgram";
import { encode } from "dns-packet";
import { describe, expect, it, onTestFinished } from "vitest";
import { Upstream } from "../../../../connector/dns/upstream.ts";
import { zoneServer } from "../../../support/dns/zone-server.ts";
import { freePort } from "../../../support/free-port.ts";

const ASKED = { name: "a.corp.internal", type: 1 };
const answers = [{ name: "a.corp.internal", type: "A", ttl: 5, data: "10.0.0.1" }];

describe("Upstream", () => {
  it("asks by a random id from a fresh port, with EDNS", async () => {
    const ports = new Set<number>();
    const server = await zoneServer((_, __, from) => {
      if (from !== undefined) ports.add(from.port);
      return { answers };
    });
    const upstream = new Upstream({ servers: [server] });
    for (let turn = 0; turn < 8; turn++) expect((await upstream.ask(ASKED))?.answers).toHaveLength(1);
    expect(ports.size).toBeGreaterThan(1);
    expect(new Set(server.queries.map(({ packet }) => packet.id)).size).toBeGreaterThan(1);
    expect(server.queries[0]?.packet.additionals).toMatchObject([{ type: "OPT", udpPayloadSize: 1232 }]);
  });

  it("ignores answers with another id, to another question, without a header, and queries", async () => {
    const server = await zoneServer((query) => [
      { id: (query.id + 1) & 0xffff, answers: [] },
      { questions: [{ name: "b.corp.internal", type: "A", class: "IN" }], answers: [] },
      Buffer.from("junk"),
      { type: "query" },
      { answers },
    ]);
    expect((await new Upstream({ servers: [server] }).ask(ASKED))?.answers).toHaveLength(1);
  });

  it("ignores an answer from another address", async () => {
    const server = await zoneServer((query, _, from) => {
      if (from === undefined) return null;
      const forged = encode({ type: "response", id: query.id, questions: query.questions, answers: [] });
      void server.sendFromElsewhere(forged, from).then(() => {
        const real = encode({ type: "response", id: query.id, questions: query.questions, answers });
        second.send(real, from.port, from.address);
      });
      return null;
    });
    // The real answer comes from the port of a second server, which is another address as well.
    const second = createSocket("udp4");
    onTestFinished(() => void second.close());
    expect(await new Upstream({ servers: [server], attemptMs: 300 }).ask(ASKED)).toBeNull();
    expect(server.queries).toHaveLength(2);
  });

  it("asks over TCP when an answer is cut, and again without EDNS after FORMERR", async () => {
    const cut = await zoneServer((_, transport) => (transport === "udp" ? { flags: 0x0200 } : { answers }));
    expect((await new Upstream({ servers: [cut] }).ask(ASKED))?.answers).toHaveLength(1);
    expect(cut.queries.map(({ transport }) => transport)).toEqual(["udp", "tcp"]);
    const old = await zoneServer((query) =>
      query.additionals.length > 0 ? { flags: 1, questions: [] } : { answers },
    );
    const upstream = new Upstream({ servers: [old] });
    expect((await upstream.ask(ASKED))?.answers).toHaveLength(1);
    expect((await upstream.ask(ASKED))?.answers).toHaveLength(1);
    expect(old.queries.map(({ packet }) => packet.additionals.length)).toEqual([1, 0, 0]);
  });

  it("says which connectors have forwarded the question, but not again to a server that was silent", async () => {
    const passages = ["00112233445566ff"];
    let turn = 0;
    const server = await zoneServer(() => (turn++ === 0 ? null : { answers }));
    const upstream = new Upstream({ servers: [server], attemptMs: 300 });
    expect((await upstream.ask(ASKED, passages))?.answers).toHaveLength(1);
    const options = server.queries.map(({ packet }) => packet.additionals[0]?.options?.length);
    expect(options).toEqual([1, 0]);
  });

  it("asks the next server when one is silent, fails or is not there", async () => {
    const silent = await zoneServer(() => null);
    const failing = await zoneServer(() => ({ flags: 2 }));
    const closed = { host: "127.0.0.1", port: await freePort() };
    const good = await zoneServer(() => ({ answers }));
    for (const first of [silent, failing, closed]) {
      const upstream = new Upstream({ servers: [first, good], attemptMs: first === silent ? 200 : 5000 });
      expect((await upstream.ask(ASKED))?.answers).toHaveLength(1);
    }
    expect((await new Upstream({ servers: [failing] }).ask(ASKED))?.rcode).toBe(2);
    expect(await new Upstream({ servers: [silent], attemptMs: 50 }).ask(ASKED)).toBeNull();
    expect(await new Upstream({ servers: [] }).ask(ASKED)).toBeNull();
  });

  it("refuses further questions while too many wait", async () => {
    const silent = await zoneServer(() => null);
    const upstream = new Upstream({ servers: [silent], attemptMs: 300, maxPending: 2 });
    const waiting = [upstream.ask(ASKED), upstream.ask(ASKED)];
    const third = upstream.ask(ASKED);
    expect(await Promise.race([third, waiting[0]])).toBeNull();
    await Promise.all(waiting);
    expect(silent.queries).toHaveLength(4);
  });
});
