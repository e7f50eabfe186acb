import { createSocket } from "node:dgram";
import { encode } from "dns-packet";
import { describe, expect, it, onTestFinished } from "vitest";
import { Upstream } from "../../../../connector/dns/upstream.ts";
import { eventually } from "../../../support/clock/eventually.ts";
import { holdTime } from "../../../support/clock/held-time.ts";
import { type ZoneServer, zoneServer } from "../../../support/dns/zone-server.ts";
import { freePort } from "../../../support/free-port.ts";

const ASKED = { name: "a.corp.internal", type: 1 };
const answers = [{ name: "a.corp.internal", type: "A", ttl: 5, data: "10.0.0.1" }];

/** Lets the attempt time out whose query is the latest of so many. */
async function timeOut(pass: (ms: number) => Promise<void>, { queries }: ZoneServer, count: number) {
  await eventually(`${count} queries`, () => queries.length === count);
  await pass(ATTEMPT_MS);
}

/** How long an attempt waits, ms. */
const ATTEMPT_MS = 2000;

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
    const pass = holdTime();
    let forgeries = 0;
    const server = await zoneServer((query, _, from) => {
      if (from === undefined) return null;
      const forged = encode({ type: "response", id: query.id, questions: query.questions, answers: [] });
      void server.sendFromElsewhere(forged, from).then(() => {
        const real = encode({ type: "response", id: query.id, questions: query.questions, answers });
        second.send(real, from.port, from.address, () => forgeries++);
      });
      return null;
    });
    // The real answer comes from the port of a second server, which is another address as well.
    const second = createSocket("udp4");
    onTestFinished(() => void second.close());
    const answer = new Upstream({ servers: [server] }).ask(ASKED);
    for (const attempt of [1, 2]) {
      await eventually("the forgeries are sent", () => forgeries === attempt);
      await timeOut(pass, server, attempt);
    }
    expect(await answer).toBeNull();
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
    const pass = holdTime();
    const passages = ["00112233445566ff"];
    let turn = 0;
    const server = await zoneServer(() => (turn++ === 0 ? null : { answers }));
    const answer = new Upstream({ servers: [server] }).ask(ASKED, passages);
    await timeOut(pass, server, 1);
    expect((await answer)?.answers).toHaveLength(1);
    const options = server.queries.map(({ packet }) => packet.additionals[0]?.options?.length);
    expect(options).toEqual([1, 0]);
  });

  it("asks the next server when one is silent, fails or is not there", async () => {
    const pass = holdTime();
    const silent = await zoneServer(() => null);
    const failing = await zoneServer(() => ({ flags: 2 }));
    const closed = { host: "127.0.0.1", port: await freePort() };
    const good = await zoneServer(() => ({ answers }));
    for (const first of [silent, failing, closed]) {
      const answer = new Upstream({ servers: [first, good] }).ask(ASKED);
      if (first === silent) await timeOut(pass, silent, 1);
      expect((await answer)?.answers).toHaveLength(1);
    }
    expect((await new Upstream({ servers: [failing] }).ask(ASKED))?.rcode).toBe(2);
    const nothing = new Upstream({ servers: [silent] }).ask(ASKED);
    await timeOut(pass, silent, 2);
    await timeOut(pass, silent, 3);
    expect(await nothing).toBeNull();
    expect(await new Upstream({ servers: [] }).ask(ASKED)).toBeNull();
  });

  it("refuses further questions while too many wait", async () => {
    const pass = holdTime();
    const silent = await zoneServer(() => null);
    const upstream = new Upstream({ servers: [silent], maxPending: 2 });
    const waiting = [upstream.ask(ASKED), upstream.ask(ASKED)];
    const third = upstream.ask(ASKED);
    expect(await third).toBeNull();
    await timeOut(pass, silent, 2);
    await timeOut(pass, silent, 4);
    expect(await Promise.all(waiting)).toEqual([null, null]);
    expect(silent.queries).toHaveLength(4);
  });
});
