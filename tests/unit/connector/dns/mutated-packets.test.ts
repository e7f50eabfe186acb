/** A hundred thousand damaged packets: each gets a legal answer or none. */
import { describe, expect, it } from "vitest";
import { Answerer } from "../../../../connector/dns/answerer.ts";
import { RCODE } from "../../../../protocol/dns/constants.ts";
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
];

function mutated(random: (below: number) => number): Uint8Array {
  const seed = SEEDS[random(SEEDS.length)] ?? Buffer.alloc(0);
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
    ]);
    const random = numbers(1);
    const seen = new Map<string, number>();
    for (let packet = 0; packet < PACKETS; packet++) {
      const bytes = mutated(random);
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
