import { Duplex, duplexPair } from "node:stream";
import { describe, expect, it, vi } from "vitest";
import type { DnsAddress, OfferedZone } from "../../../../connector/config/dns-options.ts";
import { Answerer } from "../../../../connector/dns/answerer.ts";
import { RemoteZone } from "../../../../connector/dns/remote-zone.ts";
import { ZoneCache } from "../../../../connector/dns/zone-cache.ts";
import { type ZoneStream, ZoneStreams } from "../../../../connector/dns/zone-streams.ts";
import { writeQuery } from "../../../../protocol/dns/forwarded-answer.ts";
import { readResponse } from "../../../../protocol/dns/response.ts";
import { zoneService } from "../../../../protocol/dns/zone-service.ts";
import { FairleadError } from "../../../../protocol/errors.ts";
import type { VisibleOffer } from "../../../../protocol/uplink/messages.ts";
import { framed } from "../../../support/dns/client.ts";
import { queryFor, read, recordTexts } from "../../../support/dns/messages.ts";
import { type ZoneServer, zoneServer } from "../../../support/dns/zone-server.ts";

const DOMAIN = "corp.internal";

const WEST = { site: "s-west", siteName: "west" };

const offer = (siteName: string, cost: number): VisibleOffer => ({
  ...{ site: `s-${siteName}`, siteName, boot: "b", cost, zone: DOMAIN },
});

const fixed = (data: string, ttl = 60) =>
  zoneServer(({ questions: [question] }) => ({
    answers: [{ name: question?.name ?? "", type: "A", ttl, data }],
  }));

/** How long a site waits for one answer of a server, and for a site, ms: longer than any of them takes. */
const PATIENCE = { attemptMs: 60_000, siteMs: 120_000 };

/** A site that accepts the zone, and sites that offer it, each with its server. */
function setUp(
  sites: Readonly<Record<string, { cost: number; servers: readonly DnsAddress[] }>>,
  limits = PATIENCE,
) {
  let now = 0;
  const opened: string[] = [];
  const owners = new Map(
    Object.entries(sites).map(([name, { servers }]) => {
      const zones: OfferedZone[] = [{ domain: DOMAIN, servers }];
      return [name, new ZoneStreams(zones, { attemptMs: limits.attemptMs })] as const;
    }),
  );
  const cache = new ZoneCache({ now: () => now });
  const zone = new RemoteZone(DOMAIN, {
    cache,
    siteMs: limits.siteMs,
    offers: () => Object.entries(sites).map(([name, { cost }]) => offer(name, cost)),
    open: async (domain, { siteName }) => {
      opened.push(siteName);
      const [client, server] = duplexPair();
      const owner = owners.get(siteName);
      if (owner === undefined) throw new FairleadError("session.lost");
      const stream: ZoneStream = Object.assign(server, { service: zoneService(domain), accept: () => {} });
      owner.serve(stream, WEST).catch(() => client.destroy());
      return client;
    },
  });
  const answerer = new Answerer();
  answerer.setZones([], [zone]);
  const ask = async (name: string, type = "A", more = {}) => {
    const reply = await answerer.reply(queryFor(name, type, more), "udp");
    if (reply === null) throw new Error("There is no answer.");
    return read(reply);
  };
  const wait = (seconds: number) => {
    now += seconds * 1000;
  };
  return { zone, ask, opened, owners, cache, wait };
}

describe("RemoteZone", () => {
  it("resolves a name at the site that offers the zone, and keeps the answer for its TTL", async () => {
    const server = await fixed("10.0.0.1");
    const { ask, wait } = setUp({ east: { cost: 1, servers: [server] } });
    expect(recordTexts((await ask("www.corp.internal")).answers)).toEqual([
      "www.corp.internal 60 A 10.0.0.1",
    ]);
    wait(20);
    const later = await ask("WWW.corp.internal", "A", { id: 5 });
    expect(later).toMatchObject({ id: 5, questions: [{ name: "WWW.corp.internal" }] });
    expect(later.answers).toMatchObject([{ ttl: 40, data: "10.0.0.1" }]);
    expect(server.queries).toHaveLength(1);
    wait(40);
    await ask("www.corp.internal");
    expect(server.queries).toHaveLength(2);
  });

  it("asks once for the same question of many clients, and several on one stream", async () => {
    const server = await fixed("10.0.0.1");
    const { ask, opened } = setUp({ east: { cost: 1, servers: [server] } });
    const names = ["a", "b", "c", "a", "b", "c"].map((label) => `${label}.corp.internal`);
    const replies = await Promise.all(names.map((name) => ask(name)));
    expect(replies.map(({ questions }) => questions[0]?.name)).toEqual(names);
    expect(server.queries).toHaveLength(3);
    expect(opened).toEqual(["east"]);
  });

  it("asks apart for a question with passages, which a client can invent", async () => {
    const server = await fixed("10.0.0.1");
    const { zone } = setUp({ east: { cost: 1, servers: [server] } });
    const asked = { name: "a.corp.internal", type: 1, class: 1, end: 0 };
    const invented = ["00112233445566ff"];
    await Promise.all([zone.forward(asked, []), zone.forward(asked, invented), zone.forward(asked, [])]);
    expect(server.queries).toHaveLength(2);
  });

  it("asks the nearest site first, and the next one when it fails or is away", async () => {
    const [near, far] = [await fixed("10.0.0.1"), await fixed("10.0.0.2")];
    const failing = await zoneServer(() => ({ flags: 2 }));
    const both = setUp({ far: { cost: 9, servers: [far] }, near: { cost: 1, servers: [near] } });
    expect((await both.ask("a.corp.internal")).answers).toMatchObject([{ data: "10.0.0.1" }]);
    both.owners.delete("near");
    both.zone.close();
    const second = setUp({ far: { cost: 9, servers: [far] }, near: { cost: 1, servers: [failing] } });
    expect((await second.ask("a.corp.internal")).answers).toMatchObject([{ data: "10.0.0.2" }]);
    second.owners.delete("near");
    expect((await second.ask("b.corp.internal")).answers).toMatchObject([{ data: "10.0.0.2" }]);
    expect(second.opened).toEqual(["near", "far"]);
  });

  it("answers SERVFAIL when no site offers the zone or none answers, and asks again", async () => {
    expect((await setUp({}).ask("a.corp.internal")).rcode).toBe("SERVFAIL");
    const silent: ZoneServer = await zoneServer(() => null);
    const { ask, cache } = setUp({ east: { cost: 1, servers: [silent] } }, { attemptMs: 200, siteMs: 3000 });
    expect((await ask("a.corp.internal")).rcode).toBe("SERVFAIL");
    expect(cache.size).toBe(0);
  });

  it("passes on and keeps that a name does not exist", async () => {
    const authorities = [
      {
        ...{ name: DOMAIN, type: "SOA", ttl: 30 },
        data: { mname: "n", rname: "h", serial: 1, refresh: 1, retry: 1, expire: 1, minimum: 30 },
      },
    ];
    const server = await zoneServer(() => ({ flags: 3, authorities }));
    const { ask, wait } = setUp({ east: { cost: 1, servers: [server] } });
    expect(await ask("a.corp.internal")).toMatchObject({ rcode: "NXDOMAIN", authorities: [{ ttl: 30 }] });
    wait(10);
    expect(await ask("a.corp.internal")).toMatchObject({ rcode: "NXDOMAIN", authorities: [{ ttl: 20 }] });
    expect(server.queries).toHaveLength(1);
  });

  it("answers ANY itself", async () => {
    const { ask, opened } = setUp({ east: { cost: 1, servers: [] } });
    expect((await ask("a.corp.internal", "ANY")).answers).toMatchObject([{ type: "HINFO" }]);
    expect(opened).toEqual([]);
  });
});

describe("ZoneStreams", () => {
  function stream(service: string) {
    const [client, server] = duplexPair();
    const accept = vi.fn();
    return { client, accept, stream: Object.assign(server, { service, accept }) as ZoneStream };
  }

  it("refuses zones that it does not have, that the network forbids, and all while the connector drains", async () => {
    const zones = new ZoneStreams([{ domain: DOMAIN, servers: [] }]);
    await expect(zones.serve(stream("zone-other").stream, WEST)).rejects.toMatchObject({
      code: "service.unknown",
    });
    zones.forbid([zoneService(DOMAIN)]);
    await expect(zones.serve(stream(zoneService(DOMAIN)).stream, WEST)).rejects.toMatchObject({
      code: "service.forbidden",
    });
    zones.forbid([]);
    const open = stream(zoneService(DOMAIN));
    const served = zones.serve(open.stream, WEST);
    expect(open.accept).toHaveBeenCalled();
    zones.drain();
    await expect(served).rejects.toMatchObject({ code: "service.draining" });
  });

  it("serves the sites alone that the zone is for, and ends the streams of a site that it is no longer for", async () => {
    const names = new Map([["s-west", "west"]]);
    const offered = (to?: string[]): OfferedZone[] => [{ domain: DOMAIN, servers: [], to }];
    const zones = new ZoneStreams(offered(["west"]), {
      current: (peer) => ({ ...peer, siteName: names.get(peer.site) ?? peer.siteName }),
    });
    const north = { site: "s-north", siteName: "north" };
    const refused = { code: "service.not_exported" };
    await expect(zones.serve(stream(zoneService(DOMAIN)).stream, north)).rejects.toMatchObject(refused);
    const renamed = zones.serve(stream(zoneService(DOMAIN)).stream, WEST);
    names.set("s-west", "north-west");
    zones.forbid([]);
    await expect(renamed).rejects.toMatchObject(refused);
    zones.setZones(offered(["s-west", "s-north"]));
    const dropped = zones.serve(stream(zoneService(DOMAIN)).stream, WEST);
    const kept = stream(zoneService(DOMAIN));
    const served = zones.serve(kept.stream, north);
    zones.setZones(offered(["north"]));
    await expect(dropped).rejects.toMatchObject(refused);
    expect(kept.stream.destroyed).toBe(false);
    kept.stream.destroy();
    await served;
  });

  it("answers SERVFAIL to a question that it has forwarded before, and asks no server", async () => {
    const server = await fixed("10.0.0.1");
    const passage = "00112233445566ff";
    const zones = new ZoneStreams([{ domain: DOMAIN, servers: [server] }], { passage });
    const { client, stream: served } = stream(zoneService(DOMAIN));
    const ended = zones.serve(served, WEST);
    client.write(framed(writeQuery(9, { name: "www.corp.internal", type: 1 }, false, [passage])));
    const [answer] = await client.take(1).toArray();
    expect(readResponse(answer.subarray(2))).toMatchObject({
      ...{ id: 9, rcode: 2 },
      error: { text: "The zone corp.internal is forwarded in a circle." },
    });
    expect(server.queries).toEqual([]);
    served.destroy();
    await ended;
  });

  it("refuses names outside of the zone, and bytes that are no DNS", async () => {
    const zones = new ZoneStreams([{ domain: DOMAIN, servers: [] }]);
    const { client, stream: served } = stream(zoneService(DOMAIN));
    const ended = zones.serve(served, WEST);
    const query = queryFor("example.com");
    client.write(Buffer.concat([Buffer.from([0, query.length]), query]));
    const [answer] = await client.take(1).toArray();
    expect(read(answer.subarray(2)).rcode).toBe("REFUSED");
    const other = stream(zoneService(DOMAIN));
    const failed = zones.serve(other.stream, WEST);
    other.client.write(Buffer.from([0, 1, 2]));
    await expect(failed).rejects.toMatchObject({ code: "stream.cancelled" });
    served.destroy();
    await ended;
    expect(served).toBeInstanceOf(Duplex);
  });
});

describe("ZoneCache", () => {
  const kept = (ttl: number, bytes = 10) => ({
    ...{ rcode: 0, bytes: new Uint8Array(bytes), answers: 1, ttls: [], ttl, negative: false },
  });

  it("forgets the answers that were used least recently, by number and by bytes", () => {
    const cache = new ZoneCache({ maxAnswers: 2, maxBytes: 10_000, now: () => 0 });
    for (const key of ["a", "b"]) cache.put(key, kept(9));
    cache.get("a");
    cache.put("c", kept(9));
    expect(["a", "b", "c"].map((key) => cache.get(key) !== null)).toEqual([true, false, true]);
    cache.put("large", kept(9, 9700));
    expect(cache.size).toBe(1);
    cache.put("none", kept(0));
    expect(cache.get("none")).toBeNull();
  });
});
