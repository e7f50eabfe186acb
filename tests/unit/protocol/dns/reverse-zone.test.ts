import { describe, expect, it } from "vitest";
import { reverseName, reverseZones } from "../../../../protocol/dns/address.ts";
import { readQuery } from "../../../../protocol/dns/query.ts";
import { udpLimit, writeResponse } from "../../../../protocol/dns/response-writer.ts";
import { ReverseZone } from "../../../../protocol/dns/reverse-zone.ts";
import { answerFromZone } from "../../../../protocol/dns/zone.ts";
import { queryFor, read, recordTexts } from "../../../support/dns/messages.ts";

const SERVICES: ReadonlyMap<string | null, readonly string[]> = new Map([
  [reverseName("127.2.0.1"), ["api"]],
  [reverseName("127.2.3.4"), ["db", "db-copy"]],
  [reverseName("fd00::a:1"), ["six"]],
]);

const zoneAt = (origin: string, isComplete = true) =>
  new ReverseZone(origin, "shop.internal", {
    ...{ serial: 7, isComplete },
    servicesAt: (name) => SERVICES.get(name) ?? [],
  });

function ask(name: string, type = "PTR", zone = zoneAt("2.127.in-addr.arpa")) {
  const bytes = queryFor(name, type);
  const query = readQuery(bytes);
  if (query?.question == null) throw new Error("The query is malformed.");
  return read(writeResponse(bytes, query, answerFromZone(zone, query.question), udpLimit(query)));
}

describe("ReverseZone", () => {
  it("names the services at an address of the site", () => {
    expect(recordTexts(ask("1.0.2.127.in-addr.arpa").answers)).toEqual([
      "1.0.2.127.in-addr.arpa 5 PTR api.shop.internal",
    ]);
    expect(ask("4.3.2.127.in-addr.arpa").answers.map(({ data }) => data)).toEqual([
      "db.shop.internal",
      "db-copy.shop.internal",
    ]);
    const name = reverseName("fd00::a:1") ?? "";
    expect(ask(name, "PTR", zoneAt("0.0.d.f.ip6.arpa")).answers).toMatchObject([
      { data: "six.shop.internal" },
    ]);
  });

  it("answers NXDOMAIN for an address that no service has, to be kept for a second", () => {
    expect(ask("9.0.2.127.in-addr.arpa")).toMatchObject({
      ...{ rcode: "NXDOMAIN", flag_aa: true },
      authorities: [{ name: "2.127.in-addr.arpa", type: "SOA", ttl: 1 }],
    });
  });

  it("answers SERVFAIL for such an address while not every service is known", () => {
    const zone = zoneAt("2.127.in-addr.arpa", false);
    expect(ask("9.0.2.127.in-addr.arpa", "PTR", zone).rcode).toBe("SERVFAIL");
    expect(ask("1.0.2.127.in-addr.arpa", "PTR", zone).rcode).toBe("NOERROR");
  });

  it("answers NOERROR without records for other types and for a part of an address", () => {
    for (const [name, type] of [
      ["1.0.2.127.in-addr.arpa", "A"],
      ["0.2.127.in-addr.arpa", "PTR"],
    ] as const) {
      expect(ask(name, type)).toMatchObject({ rcode: "NOERROR", answers: [] });
    }
  });

  it("answers NXDOMAIN for names that are no address", () => {
    for (const name of ["x.2.127.in-addr.arpa", "01.0.2.127.in-addr.arpa", "5.1.0.2.127.in-addr.arpa"])
      expect(ask(name).rcode, name).toBe("NXDOMAIN");
  });

  it("answers SOA and NS at its origin, with the server of the network's domain", () => {
    expect(ask("2.127.in-addr.arpa", "SOA").answers).toMatchObject([{ data: { mname: "ns.shop.internal" } }]);
    expect(ask("2.127.in-addr.arpa", "NS").answers).toMatchObject([{ data: "ns.shop.internal" }]);
  });

  it("is a whole address where the range is one", () => {
    const zone = zoneAt("1.0.2.127.in-addr.arpa");
    expect(ask("1.0.2.127.in-addr.arpa", "PTR", zone).answers).toMatchObject([{ data: "api.shop.internal" }]);
  });
});

describe("reverseZones", () => {
  it.each([
    ["127.2.0.0/16", ["2.127.in-addr.arpa"]],
    ["10.1.2.0/24", ["2.1.10.in-addr.arpa"]],
    [
      "10.1.2.4/30",
      ["4.2.1.10.in-addr.arpa", "5.2.1.10.in-addr.arpa", "6.2.1.10.in-addr.arpa", "7.2.1.10.in-addr.arpa"],
    ],
    ["10.1.2.3/32", ["3.2.1.10.in-addr.arpa"]],
    ["172.16.0.0/15", ["16.172.in-addr.arpa", "17.172.in-addr.arpa"]],
    ["fd00:a::/32", ["a.0.0.0.0.0.d.f.ip6.arpa"]],
    ["fd00:a::/31", ["a.0.0.0.0.0.d.f.ip6.arpa", "b.0.0.0.0.0.d.f.ip6.arpa"]],
  ])("have the names of the addresses of %s alone", (cidr, zones) => {
    expect(reverseZones(cidr)).toEqual(zones);
  });

  it.each(["127.0.0.0/8", "127.0.0.0/16", "0.0.0.0/0", "10.0.0.1", "x/8", "10.0.0.0/33"])(
    "are none for %s",
    (cidr) => {
      expect(reverseZones(cidr)).toEqual([]);
    },
  );
});
