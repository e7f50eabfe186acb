import { describe, expect, it } from "vitest";
import { RCODE, UDP_BYTES } from "../../../../protocol/dns/constants.ts";
import { readQuery } from "../../../../protocol/dns/query.ts";
import { udpLimit, writeResponse } from "../../../../protocol/dns/response-writer.ts";
import { type ReachablePort, ServiceZone } from "../../../../protocol/dns/service-zone.ts";
import { answerFromZone } from "../../../../protocol/dns/zone.ts";
import { opt, queryFor, read, recordTexts } from "../../../support/dns/messages.ts";

const at = (address: string, port: number, target?: string) => ({ address, port, target });

const SERVICES: Readonly<Record<string, readonly ReachablePort[]>> = {
  api: [
    { port: 80, protocol: "http", places: [at("127.2.0.1", 8080)] },
    { port: 9090, protocol: "tcp", places: [at("127.2.0.1", 9090)] },
  ],
  v6: [{ port: 53, protocol: "udp", places: [at("fd00::1", 53)] }],
  db: [{ port: 5432, protocol: "tcp", places: [at("10.0.0.1", 5432, "db-0"), at("10.0.0.2", 5433, "db-1")] }],
  broken: [{ port: 81, protocol: "tcp", places: [] }],
  many: [
    {
      ...{ port: 80, protocol: "tcp" },
      places: Array.from({ length: 100 }, (_, host) => at(`10.1.0.${host}`, 80, `pod-${host}`)),
    },
  ],
};

const zone = new ServiceZone("shop.internal", {
  serial: 7,
  ports: (service) => (service === "soon" ? "unknown" : (SERVICES[service] ?? "absent")),
  servers: ["10.0.0.53"],
});

function ask(name: string, type = "A", limit?: number, more = {}) {
  const bytes = queryFor(name, type, more);
  const query = readQuery(bytes);
  if (query?.question == null) throw new Error("The query is malformed.");
  return read(writeResponse(bytes, query, answerFromZone(zone, query.question), limit ?? udpLimit(query)));
}

const answers = (name: string, type?: string) => recordTexts(ask(name, type).answers);

describe("ServiceZone", () => {
  it("answers A with the address of a service's listener, once for several ports", () => {
    const reply = ask("api.shop.internal");
    expect(recordTexts(reply.answers)).toEqual(["api.shop.internal 5 A 127.2.0.1"]);
    expect(reply).toMatchObject({ id: 4711, rcode: "NOERROR", flag_aa: true, flag_ra: true, flag_rd: true });
  });

  it("answers AAAA with IPv6 addresses", () => {
    expect(answers("v6.shop.internal", "AAAA")).toEqual(["v6.shop.internal 5 AAAA fd00::1"]);
  });

  it("answers AAAA of a service that has none with NOERROR and the zone's SOA, never NXDOMAIN", () => {
    const reply = ask("api.shop.internal", "AAAA");
    expect(reply).toMatchObject({ rcode: "NOERROR", answers: [] });
    expect(reply.authorities).toMatchObject([
      { name: "shop.internal", type: "SOA", ttl: 1, data: { minimum: 1, serial: 7 } },
    ]);
  });

  it("answers NXDOMAIN for a service that the site does not see, to be kept for a second", () => {
    const reply = ask("nope.shop.internal");
    expect(reply).toMatchObject({ rcode: "NXDOMAIN", flag_aa: true });
    expect(reply.authorities).toMatchObject([{ type: "SOA", ttl: 1, data: { minimum: 1 } }]);
  });

  it("answers SERVFAIL while it is not known whether a service exists", () => {
    expect(ask("soon.shop.internal")).toMatchObject({ rcode: "SERVFAIL", authorities: [] });
  });

  it("answers NOERROR without records for a service that cannot be reached here", () => {
    expect(ask("broken.shop.internal")).toMatchObject({ rcode: "NOERROR", answers: [] });
  });

  it("answers SOA and NS at its origin, and the server's address", () => {
    expect(recordTexts(ask("shop.internal", "SOA").answers)[0]).toMatch(/^shop\.internal 5 SOA .*"serial":7/);
    const reply = ask("shop.internal", "NS");
    expect(recordTexts(reply.answers)).toEqual(["shop.internal 5 NS ns.shop.internal"]);
    expect(recordTexts(reply.additionals)).toEqual(["ns.shop.internal 5 A 10.0.0.53"]);
    expect(ask("shop.internal", "A")).toMatchObject({ rcode: "NOERROR", answers: [] });
  });

  it("answers SRV for a service's first port, with its address", () => {
    const reply = ask("_api._tcp.shop.internal", "SRV");
    expect(reply.answers).toMatchObject([
      { type: "SRV", ttl: 5, data: { priority: 0, weight: 0, port: 8080, target: "api.shop.internal" } },
    ]);
    expect(recordTexts(reply.additionals)).toEqual(["api.shop.internal 5 A 127.2.0.1"]);
  });

  it.each([
    ["_http._tcp.api.shop.internal", 8080],
    ["_80._tcp.api.shop.internal", 8080],
    ["_tcp._tcp.api.shop.internal", 9090],
    ["_9090._tcp.api.shop.internal", 9090],
    ["_udp._udp.v6.shop.internal", 53],
    ["_v6._udp.shop.internal", 53],
  ])("answers SRV for %s with port %i", (name, port) => {
    expect(ask(name, "SRV").answers).toMatchObject([{ data: { port } }]);
  });

  it.each([
    "_api._udp.shop.internal",
    "_v6._tcp.shop.internal",
    "_smtp._tcp.api.shop.internal",
    "api._tcp.shop.internal",
    "_nope._tcp.shop.internal",
    "x.api.shop.internal",
    "_udp.api.shop.internal",
    "a.b.c.d.shop.internal",
    "x._api._tcp.shop.internal",
  ])("answers NXDOMAIN for %s", (name) => {
    expect(ask(name, "SRV").rcode).toBe("NXDOMAIN");
  });

  it.each(["_tcp.shop.internal", "_udp.shop.internal", "_tcp.api.shop.internal"])(
    "answers NOERROR for %s, which has names below it",
    (name) => {
      expect(ask(name)).toMatchObject({ rcode: "NOERROR", answers: [] });
    },
  );

  it("has a name for each target of a service without a listener", () => {
    expect(answers("db.shop.internal")).toEqual([
      "db.shop.internal 5 A 10.0.0.1",
      "db.shop.internal 5 A 10.0.0.2",
    ]);
    expect(answers("db-1.db.shop.internal")).toEqual(["db-1.db.shop.internal 5 A 10.0.0.2"]);
    const reply = ask("_db._tcp.shop.internal", "SRV");
    expect(reply.answers).toMatchObject([
      { data: { port: 5432, target: "db-0.db.shop.internal" } },
      { data: { port: 5433, target: "db-1.db.shop.internal" } },
    ]);
    expect(reply.additionals).toHaveLength(2);
  });

  it("answers ANY with HINFO (RFC 8482)", () => {
    expect(ask("api.shop.internal", "ANY").answers).toMatchObject([
      { type: "HINFO", data: { cpu: "RFC8482" } },
    ]);
    expect(ask("nope.shop.internal", "ANY").rcode).toBe("NXDOMAIN");
  });

  it("keeps the upper and lower case of the question, in the answer too", () => {
    const reply = ask("aPi.Shop.INTERNAL");
    expect(reply.questions).toMatchObject([{ name: "aPi.Shop.INTERNAL" }]);
    expect(recordTexts(reply.answers)).toEqual(["aPi.Shop.INTERNAL 5 A 127.2.0.1"]);
  });
});

describe("writeResponse", () => {
  it("compresses names", () => {
    const bytes = queryFor("many.shop.internal");
    const query = readQuery(bytes);
    if (query?.question == null) throw new Error("The query is malformed.");
    const whole = writeResponse(bytes, query, answerFromZone(zone, query.question), 65_535);
    expect(whole.length).toBe(bytes.length + 100 * 16);
  });

  it("sets TC and sends what fits when an answer is too long for UDP", () => {
    const reply = ask("many.shop.internal");
    expect(reply.flag_tc).toBe(true);
    expect(reply.answers).toHaveLength(Math.floor((512 - 36) / 16));
    expect(ask("many.shop.internal", "A", 65_535)).toMatchObject({ flag_tc: false });
  });

  it("keeps an answer with EDNS within 1232 bytes, the OPT record included", () => {
    const bytes = queryFor("many.shop.internal", "A", { additionals: [opt()] });
    const query = readQuery(bytes);
    if (query?.question == null) throw new Error("The query is malformed.");
    const reply = writeResponse(bytes, query, answerFromZone(zone, query.question), udpLimit(query));
    expect(reply.length).toBeGreaterThan(UDP_BYTES - 16);
    expect(reply.length).toBeLessThanOrEqual(UDP_BYTES);
    expect(read(reply)).toMatchObject({
      flag_tc: true,
      additionals: [{ type: "OPT", udpPayloadSize: UDP_BYTES, ednsVersion: 0 }],
    });
  });

  it("leaves additional records out without TC", () => {
    const limit = ask("_many._tcp.shop.internal", "SRV", 65_535);
    expect(limit.answers).toHaveLength(100);
    const exact = queryFor("_db._tcp.shop.internal", "SRV");
    const query = readQuery(exact);
    if (query?.question == null) throw new Error("The query is malformed.");
    const answer = answerFromZone(zone, query.question);
    const whole = writeResponse(exact, query, answer, 65_535);
    const reply = read(writeResponse(exact, query, answer, whole.length - 1));
    expect(reply).toMatchObject({ flag_tc: false, additionals: [{ name: "db-0.db.shop.internal" }] });
    expect(reply.answers).toHaveLength(2);
  });

  it("repeats the DO bit, and writes an extended response code into the OPT record", () => {
    const bytes = queryFor("api.shop.internal", "A", {
      additionals: [opt({ ednsVersion: 100, flags: 0x8000 })],
    });
    const query = readQuery(bytes);
    expect(query).toMatchObject({ refusal: RCODE.BADVERS, edns: { wantsDnssec: true } });
    if (query === null) throw new Error("The query is malformed.");
    const none = { rcode: RCODE.BADVERS, owned: false, answers: [], authority: [], additional: [] };
    const reply = read(writeResponse(bytes, query, none, 512));
    expect(reply.additionals).toMatchObject([{ extendedRcode: 1, ednsVersion: 0, flags: 0x8000 }]);
    expect(reply.rcode).toBe("NOERROR");
  });
});
