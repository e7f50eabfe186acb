/** A hundred thousand damaged packets: each gets a legal answer or none, and none leads out of its zone. */
import { type Answer, encode } from "dns-packet";
import { describe, expect, it } from "vitest";
import { Answerer } from "../../../../connector/dns/answerer.ts";
import { MAX_MESSAGE_BYTES, RCODE } from "../../../../protocol/dns/constants.ts";
import { writeForwarded } from "../../../../protocol/dns/forwarded-answer.ts";
import { readQuery } from "../../../../protocol/dns/query.ts";
import { keepAnswer, readResponse } from "../../../../protocol/dns/response.ts";
import { ReverseZone } from "../../../../protocol/dns/reverse-zone.ts";
import { ServiceZone } from "../../../../protocol/dns/service-zone.ts";
import { opt, queryFor, read } from "../../../support/dns/messages.ts";

const PACKETS = 100_000;

/** Numbers that are the same in each run, so that a failure can be repeated (mulberry32). */
function numbers(seed: number): (below: number) => number {
  let state = seed;
  return (below) => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) % below;
  };
}

const SEEDS = [
  queryFor("api.shop.internal"),
  queryFor("_api._tcp.shop.internal", "SRV", { additionals: [opt()] }),
  queryFor("x.shop.internal", "ANY"),
  queryFor("shop.internal", "SOA", {
    additionals: [opt({ options: [{ code: 10, data: Buffer.alloc(8) }] })],
  }),
  queryFor("1.0.2.127.in-addr.arpa", "PTR", {
    additionals: [opt({ options: [{ code: 65_313, data: Buffer.alloc(16) }] })],
  }),
];

function mutated(seeds: readonly Buffer[], random: (below: number) => number): Uint8Array {
  const seed = seeds[random(seeds.length)] ?? Buffer.alloc(0);
  let bytes = new Uint8Array(seed);
  for (let change = random(4); change >= 0; change--) {
    const at = random(bytes.length + 1);
    switch (random(5)) {
      case 0:
        bytes = bytes.slice(0, at);
        break;
      case 1:
        bytes = Uint8Array.from([...bytes.slice(0, at), random(256), ...bytes.slice(at)]);
        break;
      case 2:
        bytes = Uint8Array.from([...bytes, ...bytes.slice(at)]);
        break;
      case 3:
        // A pointer.
        bytes[at] = 0xc0 | random(64);
        break;
      default:
        if (at < bytes.length) bytes[at] = random(256);
    }
  }
  return bytes;
}

describe("Answerer", () => {
  it(`answers ${PACKETS} mutated packets by the rules, or not at all`, () => {
    const answerer = new Answerer();
    const ports = [{ port: 80, protocol: "tcp" as const, places: [{ address: "10.0.0.1", port: 80 }] }];
    answerer.setZones([
      new ServiceZone("shop.internal", {
        ...{ serial: 1, servers: ["10.0.0.53"] },
        ports: (name) => (name === "api" ? ports : "absent"),
      }),
      new ReverseZone("2.127.in-addr.arpa", "shop.internal", {
        ...{ serial: 1, isComplete: true },
        servicesAt: (name) => (name === "1.0.2.127.in-addr.arpa" ? ["api"] : []),
      }),
    ]);
    const random = numbers(1);
    const seen = new Map<string, number>();
    for (let packet = 0; packet < PACKETS; packet++) {
      const bytes = mutated(SEEDS, random);
      const before = Buffer.from(bytes);
      const reply = answerer.reply(bytes, random(2) === 0 ? "udp" : "tcp");
      // Without expect(): a hundred thousand of them take seconds.
      if (reply === null || reply instanceof Promise) {
        seen.set("none", (seen.get("none") ?? 0) + 1);
        if (reply !== null || (before.length >= 12 && (before[2] ?? 0) < 0x80))
          expect.fail(`packet ${packet}: ${before.toString("hex")} got no answer`);
        continue;
      }
      const word = (at: number) => ((reply[at] ?? 0) << 8) | (reply[at + 1] ?? 0);
      const legal =
        word(0) === before.readUInt16BE(0) &&
        (word(2) & 0x8000) !== 0 &&
        (word(2) & 0x7800) === (before.readUInt16BE(2) & 0x7800) &&
        word(4) <= 1 &&
        reply.length <= 65_535;
      if (!legal)
        expect.fail(`packet ${packet}: ${before.toString("hex")} got ${Buffer.from(reply).toString("hex")}`);
      const rcode = word(2) & 0xf;
      seen.set(String(rcode), (seen.get(String(rcode)) ?? 0) + 1);
      // dns-packet understands fewer types than there are, so what it cannot decode is only counted.
      if (packet % 100 === 0 && word(4) === 1) read(reply);
    }
    expect([...seen.keys()]).toEqual(
      expect.arrayContaining([
        "none",
        ...Object.values(RCODE)
          .filter((code) => code !== RCODE.SERVFAIL && code < 16)
          .map(String),
      ]),
    );
  });
});

const QUESTION = { name: "www.corp.internal", type: "A", class: "IN" };

const answerWith = (answers: Answer[], more: { authorities?: Answer[]; additionals?: Answer[] } = {}) =>
  encode({ type: "response", id: 1, questions: [QUESTION], answers, ...more });

const ANSWERS = [
  answerWith([{ name: "www.corp.internal", type: "A", ttl: 60, data: "10.0.0.1" }]),
  answerWith([
    { name: "www.corp.internal", type: "CNAME", ttl: 60, data: "host.corp.internal" },
    { name: "host.corp.internal", type: "A", ttl: 60, data: "10.0.0.1" },
  ]),
  answerWith([
    { name: "www.corp.internal", type: "CNAME", ttl: 60, data: "cdn.example.com" },
    { name: "cdn.example.com", type: "A", ttl: 60, data: "10.0.0.2" },
  ]),
  answerWith([], {
    authorities: [
      {
        ...{ name: "corp.internal", type: "SOA", ttl: 60 },
        data: { mname: "ns.corp.internal", rname: "x.corp.internal", serial: 1, minimum: 30 },
      },
    ],
    additionals: [opt({ options: [{ code: 15, data: Buffer.from("\u0000\u0016away") }] })],
  }),
];

describe("an answer of another server", () => {
  it(`is passed on within its zone or not at all, ${PACKETS} times mutated`, () => {
    const bytes = queryFor(QUESTION.name);
    const query = readQuery(bytes);
    const question = query?.question;
    if (query === null || !question) throw new Error("The query is malformed.");
    const random = numbers(2);
    const seen = new Map<string, number>();
    for (let packet = 0; packet < PACKETS; packet++) {
      const message = mutated(ANSWERS, random);
      const response = readResponse(message);
      const answer =
        response && keepAnswer(response, { name: QUESTION.name, type: question.type }, "corp.internal");
      const kind = response === null ? "malformed" : answer === null ? "dropped" : "kept";
      seen.set(kind, (seen.get(kind) ?? 0) + 1);
      if (answer === null) continue;
      const given = { answer, age: 1, zone: "corp.internal" };
      const sent = readResponse(writeForwarded(bytes, { ...query, question }, given, MAX_MESSAGE_BYTES));
      const isLegal =
        sent?.id === query.id &&
        sent.question?.name === QUESTION.name &&
        sent.answers.every(({ name }) => name === "corp.internal" || name.endsWith(".corp.internal"));
      if (!isLegal) expect.fail(`packet ${packet}: ${Buffer.from(message).toString("hex")} was passed on`);
    }
    expect([...seen.keys()].sort()).toEqual(["dropped", "kept", "malformed"]);
  });
});
