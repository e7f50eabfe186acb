import { runInDurableObject } from "cloudflare:test";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { RegistryMessage } from "../../../protocol/uplink/messages.ts";

import { type Member, offer, registryOf, TestUplink } from "../../support/workerd/member.ts";
import type { Operator } from "../../support/workerd/operator.ts";
import { closeShop, openShopOf } from "../../support/workerd/shop.ts";
import { alterUplinks } from "../../support/workerd/stored.ts";

/** public1 issues a link to private1. Neither has a link to the network. */
let ops: Operator;
let public1: Member;
let private1: Member;
let link: { id: string; certificate: string };

beforeEach(async () => {
  ({ ops, public1, private1 } = await openShopOf("public1", "private1"));
  link = await ops.link(private1, "public1", { name: "up-there", cost: 5 });
});
afterEach(closeShop);

const joiner = (boot?: string) => TestUplink.open(private1, { links: [link.certificate] }, boot);
const shown = (reports: { state: string; code?: string | undefined }[]) =>
  reports.map(({ state, code }) => code ?? state);
const stored = async () => {
  const [row] = await ops.links();
  if (!row) throw new Error("no link");
  return row;
};
type Links = Extract<RegistryMessage, { type: "links" }>;

/** The next notice in which the only link has the given state or code. */
async function nextNotice(uplink: TestUplink, state: string): Promise<Links> {
  for (;;) {
    const notice = await uplink.next("links");
    if (shown([...notice.links, ...notice.incoming])[0] === state) return notice;
  }
}

describe("a link between two sites", () => {
  it("goes up and down with the uplinks of both ends, and both are notified with the reason", async () => {
    const west = await TestUplink.dial(private1);
    const first = await west.greet({ links: [link.certificate] });
    expect(first.links).toMatchObject([
      { name: "up-there", issuer: "public1", cost: 5, state: "down", code: "session.peer_offline" },
    ]);
    const issuer = await TestUplink.dial(public1);
    const welcome = await issuer.greet();
    expect(welcome.links).toEqual([]);
    expect(welcome.incoming).toMatchObject([
      { id: link.id, name: "up-there", joiner: "private1", cost: 5, state: "up" },
    ]);
    await nextNotice(west, "up");
    expect(await stored()).toMatchObject({ joiner: "private1", issuer: "public1", state: "up", cost: 5 });

    issuer.socket.close(1000);
    await nextNotice(west, "session.peer_offline");
    expect(await stored()).toMatchObject({ state: "down", code: "session.peer_offline" });
    const again = await TestUplink.open(public1, {}, issuer.boot);
    await nextNotice(west, "up");
    west.socket.close(1000);
    const notice = await nextNotice(again, "uplink.lost");
    expect(notice.links).toEqual([]);
    expect((await ops.events("link.up")).map(({ site }) => site)).toEqual(["private1", "private1"]);
    expect((await ops.events("link.down")).map(({ code }) => code)).toEqual([
      "session.peer_offline",
      "uplink.lost",
    ]);
  });

  it("is up since the later end came up, and down since the first went down", async () => {
    const west = await joiner();
    const before = Date.now();
    const issuer = await TestUplink.open(public1);
    const { links } = await nextNotice(west, "up");
    const up = await stored();
    expect(Date.parse(up.since)).toBe(links[0]?.since);
    expect(Date.parse(up.since)).toBeGreaterThanOrEqual(before);
    issuer.socket.close(1000);
    const down = await nextNotice(west, "session.peer_offline");
    expect(Date.parse((await stored()).since)).toBe(down.links[0]?.since);
    west.socket.close(1000);
    await west.closed;
    expect((await stored()).since).toBe(new Date(down.links[0]?.since ?? 0).toISOString());
  });

  it("is down while the hello does not prove it, and goes up with a hello that does", async () => {
    const issuer = await TestUplink.open(public1);
    const west = await TestUplink.open(private1);
    expect(shown((await issuer.next("links")).incoming)).toEqual(["certificate.required"]);
    const again = await joiner(west.boot);
    expect(shown((await issuer.next("links")).incoming)).toEqual(["up"]);
    await again.settle();
    expect(again.waiting("links")).toEqual([]);
    expect((await ops.events("link.down")).map(({ code }) => code)).toEqual(["certificate.required"]);
  });

  it("stays up while one of the joiner's instances proves it", async () => {
    const issuer = await TestUplink.open(public1);
    const one = await joiner();
    await nextNotice(issuer, "up");
    const two = await joiner();
    one.socket.close(1000);
    await one.closed;
    await two.settle();
    await issuer.settle();
    expect(issuer.waiting("links")).toEqual([]);
    expect(await ops.events("link.down")).toEqual([]);
    two.socket.close(1000);
    await nextNotice(issuer, "uplink.lost");
  });

  it("has a round trip once both ends have reported theirs", async () => {
    const issuer = await TestUplink.open(public1);
    const west = await joiner();
    expect((await stored()).rtt).toBeNull();
    west.send({ type: "measured", rtt: 30 });
    issuer.send({ type: "measured", rtt: 12.5 });
    await west.settle();
    await issuer.settle();
    expect((await stored()).rtt).toBe(42.5);
    expect(issuer.waiting("links").at(-1)?.incoming[0]?.rtt).toBe(42.5);
    // The value lasts as long as its uplink, also through hibernation.
    const kept = await runInDurableObject(registryOf(public1), (_, ctx) =>
      ctx.getWebSockets().map((socket) => (socket.deserializeAttachment() as { rtt: unknown }).rtt),
    );
    expect(kept.sort()).toEqual([12.5, 30]);
    await joiner(west.boot);
    expect((await stored()).rtt).toBeNull();
  });

  it("is down at once for a silent site when a status is requested", async () => {
    const issuer = await TestUplink.open(public1);
    const west = await joiner();
    await nextNotice(issuer, "up");
    await alterUplinks(public1, { openedAt: 0 }, `boot:${west.boot}`);
    await issuer.settle();
    await nextNotice(issuer, "uplink.lost");
    expect(await west.closed).toEqual({ code: 4503, reason: "uplink.lost" });
    expect(await stored()).toMatchObject({ state: "down", code: "uplink.lost" });
  });

  it("is recorded as down once when the edge restarts", async () => {
    await TestUplink.open(public1);
    await joiner();
    const { evictDurableObject } = await import("cloudflare:test");
    await evictDurableObject(registryOf(public1), { webSockets: "close" });
    expect(await stored()).toMatchObject({ state: "down" });
    expect(await ops.events("link.down")).toHaveLength(1);
    expect(await ops.events("site.down")).toHaveLength(2);
  });
});

describe("a site that deletes one of its links", () => {
  const ask = async (uplink: TestUplink, name: string) => {
    uplink.send({ type: "link.delete", id: 7, link: name });
    return uplink.take("an answer", (data) => {
      const message = JSON.parse(String(data)) as RegistryMessage;
      if (message.type === "done") return "done";
      return message.type === "error" ? message.error.code : null;
    });
  };

  it("is notified of the completion, its issuer is notified, and visibility changes at both", async () => {
    const issuer = await TestUplink.open(public1, { offers: [offer("api")] });
    const west = await joiner();
    expect(await ask(west, "up-there")).toBe("done");
    expect((await west.next("links")).links).toEqual([]);
    expect((await west.next("services")).gone).toEqual(["api"]);
    await nextNotice(issuer, "up");
    expect((await issuer.next("links")).incoming).toEqual([]);
    expect(await ops.links()).toEqual([]);
    expect(await ops.events("link.deleted")).toMatchObject([{ site: "private1", actor: "private1" }]);
    expect(await ops.events("link.down")).toHaveLength(1);
  });

  it("is refused for a name that none of its links has", async () => {
    const issuer = await TestUplink.open(public1);
    const west = await joiner();
    expect(await ask(west, "link1")).toBe("link.unknown");
    // The link belongs to the joiner, not to the issuer.
    expect(await ask(issuer, "up-there")).toBe("link.unknown");
    expect(await ops.links()).toHaveLength(1);
  });
});
