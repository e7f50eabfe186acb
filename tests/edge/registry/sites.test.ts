import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { unwrap } from "../../../workers/result.ts";
import { newKeys } from "../../support/authority/test-site.ts";
import { dial } from "../../support/workerd/client.ts";
import { linkIn, memberFrom, offer, TestUplink } from "../../support/workerd/member.ts";
import { admitted, type Operator } from "../../support/workerd/operator.ts";

import { closeShop, openEmptyShop } from "../../support/workerd/shop.ts";

let ops: Operator;

beforeEach(async () => {
  ops = await openEmptyShop();
});
afterEach(closeShop);

const site = async (name: string) => unwrap(await ops.registry.site(name));
const tokens = async () => unwrap(await ops.registry.tokens());
const update = (name: string, change: { name?: string; mayOffer?: string[] | null }) =>
  ops.registry.updateSite(name, change, "ops");
const codeOf = async (answer: Promise<{ ok: boolean; error?: { code: string } }>) => {
  const { ok, error } = await answer;
  return ok ? "none" : error?.code;
};

describe("a site created by name", () => {
  it("is new, without certificate, links or instances, and its token admits exactly this site", async () => {
    const { site: made, token } = await ops.createSite("public1", ["web-*"]);
    expect(made).toMatchObject({
      name: "public1",
      state: "new",
      certificateExpiresAt: null,
      mayOffer: ["web-*"],
      instances: [],
    });
    expect(token).toMatchObject({ issuer: "network", site: "public1", uses: 1, used: 0, state: "good" });
    expect(await ops.links()).toEqual([]);
  });

  it("joins with its token as the same site, with its patterns, without a link, and sees no site", async () => {
    const { site: made, claim } = await ops.createSite("public1", ["web-*"]);
    const keys = await newKeys();
    const admission = admitted(await ops.redeem(claim, "public1", keys));
    expect(admission.site).toEqual({ id: made.id, name: "public1" });
    expect(admission.link).toBeNull();
    expect(await site("public1")).toMatchObject({ id: made.id, state: "down", mayOffer: ["web-*"] });
    const other = await ops.member("public2");
    await TestUplink.open(other, { offers: [offer("api")] });
    const uplink = await TestUplink.dial(memberFrom(admission, keys));
    expect(await uplink.greet()).toMatchObject({ links: [], services: [], site: admission.site });
    expect((await ops.events()).map(({ type }) => type)).toContain("site.created");
  });

  it("gets the same answer again for the same key, and another key is refused", async () => {
    const { claim } = await ops.createSite("public1");
    const keys = await newKeys();
    const first = await ops.redeem(claim, "public1", keys);
    expect(await ops.redeem(claim, "public1", keys)).toEqual(first);
    expect(await ops.redeem(claim, "public1")).toBe("token.used_up");
  });

  it("reserves its name for its token, and its token for its name", async () => {
    const { claim } = await ops.createSite("public1");
    expect(await ops.redeem(await ops.token(), "public1")).toBe("site.name_taken");
    expect(await ops.redeem(claim, "public2")).toBe("token.wrong_site");
    const member = await ops.member("private1");
    expect(await ops.redeem(claim, "private1", member.keys)).toBe("token.wrong_site");
    expect(await ops.redeem(claim, "public1", member.keys)).toBe("token.wrong_site");
    expect(await tokens()).toMatchObject([{ used: 0 }, { used: 0 }, { used: 1 }]);
    admitted(await ops.redeem(claim, "public1"));
  });

  it("gets another token in place of the previous one if created again before joining", async () => {
    const first = await ops.createSite("public1");
    const second = await ops.createSite("public1", ["api"]);
    expect(second.site).toMatchObject({ id: first.site.id, mayOffer: ["api"] });
    expect(await ops.redeem(first.claim, "public1")).toBe("token.revoked");
    admitted(await ops.redeem(second.claim, "public1"));
    const request = { name: "public1", mayOffer: null, expirySeconds: 60 };
    expect(await codeOf(ops.registry.createSite({ request, actor: "ops" }))).toBe("site.name_taken");
  });

  it("revokes its token and frees its name when deleted or revoked", async () => {
    for (const end of ["deleteSite", "revokeSite"] as const) {
      const { claim, site: made } = await ops.createSite("public1");
      unwrap(await ops.registry[end]("public1", "ops"));
      expect(await ops.redeem(claim, "public1")).toBe("token.revoked");
      const again = await ops.createSite("public1");
      expect(again.site.id).not.toBe(made.id);
      await ops.registry.deleteSite("public1", "ops");
    }
  });

  it("is admitted once by two concurrent redemptions, and not beside a site that replaces it", async () => {
    const { claim } = await ops.createSite("public1");
    const answers = await Promise.all([1, 2, 3].map(() => ops.redeem(claim, "public1")));
    expect(answers.filter((answer) => typeof answer === "object")).toHaveLength(1);
    expect(answers.filter((answer) => answer === "token.used_up")).toHaveLength(2);

    const former = await ops.createSite("public2");
    const [again, joined] = await Promise.all([
      ops.registry.createSite({
        request: { name: "public2", mayOffer: null, expirySeconds: 60 },
        actor: "ops",
      }),
      ops.redeem(former.claim, "public2"),
    ]);
    // In either order, the site is a member, or only the other token is valid.
    expect(typeof joined === "object").toBe(!again.ok);
  });

  it("counts against the quotas of sites and of tokens", async () => {
    await ops.createSite("public1");
    unwrap(await ops.registry.setQuotas({ sites: 1 }, "ops"));
    const request = { name: "public2", mayOffer: null, expirySeconds: 60 };
    expect(await codeOf(ops.registry.createSite({ request, actor: "ops" }))).toBe("quota.sites");
    const open = await ops.token({ uses: 5 });
    expect(await ops.redeem(open, "public2")).toBe("quota.sites");
    unwrap(await ops.registry.setQuotas({ sites: 2, tokens: 2 }, "ops"));
    expect(await codeOf(ops.registry.createSite({ request, actor: "ops" }))).toBe("quota.tokens");
    // A refused request leaves nothing behind, and counts no use.
    expect(await codeOf(ops.registry.site("public2"))).toBe("site.unknown");
    admitted(await ops.redeem(open, "public2"));
    expect((await tokens()).at(-1)).toMatchObject({ uses: 5, used: 1 });
    // Another token for a site that has not joined replaces its previous one.
    await ops.createSite("public1");
  });
});

describe("the name of a site", () => {
  it("changes for every site that sees it, while its sessions and uplink stay", async () => {
    const public1 = await ops.member("public1");
    const private1 = await ops.member("private1");
    await ops.link(private1, "public1");
    const provider = await TestUplink.open(public1, { offers: [offer("api")] });
    const consumer = await TestUplink.open(private1);
    await consumer.settle();
    consumer.received.length = 0;
    expect(unwrap(await update("public1", { name: "public9" }))).toMatchObject({
      name: "public9",
      state: "up",
    });
    const notice = await consumer.next("services");
    expect(notice.put).toMatchObject([
      { name: "api", offers: [{ site: public1.siteId, siteName: "public9" }] },
    ]);
    expect((await consumer.next("links")).links).toMatchObject([{ issuer: "public9" }]);
    expect((await provider.next("links")).incoming).toMatchObject([{ joiner: "private1" }]);
    expect((await ops.links())[0]).toMatchObject({ issuer: "public9" });
    expect((await ops.events("site.changed")).at(-1)).toMatchObject({ site: "public9", actor: "ops" });
    provider.send({ type: "renew", id: 1 });
    await provider.next("renewed");
  });

  it("cannot be a taken one; a revoked site cannot be renamed, and its name is free", async () => {
    await ops.member("public1");
    await ops.createSite("public2");
    expect(await codeOf(update("public1", { name: "public2" }))).toBe("site.name_taken");
    expect(await codeOf(update("public2", { name: "public1" }))).toBe("site.name_taken");
    expect(await codeOf(update("nobody", { name: "public3" }))).toBe("site.unknown");
    expect(unwrap(await update("public1", { name: "public1" }))).toMatchObject({ name: "public1" });
    await ops.registry.revokeSite("public2", "ops");
    expect(await codeOf(update("public2", { name: "public3" }))).toBe("site.revoked");
    // The name of a revoked site is free for its successor.
    expect(unwrap(await update("public1", { name: "public2" }))).toMatchObject({ name: "public2" });
    expect((await ops.events("site.changed")).length).toBe(1);
  });

  it("goes to one of two sites that take it at once", async () => {
    await ops.member("public1");
    await ops.member("public2");
    const codes = await Promise.all([
      codeOf(update("public1", { name: "public" })),
      codeOf(update("public2", { name: "public" })),
      ops
        .redeem(await ops.token(), "public")
        .then((answer) => (typeof answer === "string" ? answer : "none")),
    ]);
    expect(codes.filter((code) => code === "none")).toHaveLength(1);
    expect(codes.filter((code) => code === "site.name_taken")).toHaveLength(2);
  });

  it("does not keep a renamed site's key from redeeming a token, even if another site has its old name", async () => {
    const public1 = await ops.member("public1");
    await update("public1", { name: "public9" });
    await ops.member("public1");
    const claim = await ops.token();
    const admission = admitted(await ops.redeem(claim, "public1", public1.keys));
    expect(admission.site).toEqual({ id: public1.siteId, name: "public9" });
    expect(linkIn(admission).name).toBe("link1");
    // The same redemption gets the same answer, whatever name is requested.
    expect(admitted(await ops.redeem(claim, "public2", public1.keys))).toEqual(admission);
    expect((await tokens()).at(-1)).toMatchObject({ uses: 1, used: 1 });
  });
});

describe("what a site may offer", () => {
  it("can be narrowed and widened while it is up: forbidden offers end at once, and return", async () => {
    const public1 = await ops.member("public1");
    const private1 = await ops.member("private1");
    await ops.link(private1, "public1");
    const provider = await TestUplink.open(public1, { offers: [offer("web-shop"), offer("db")] });
    const consumer = await TestUplink.open(private1);
    expect(unwrap(await update("public1", { mayOffer: ["web-*"] })).services).toEqual(["web-shop"]);
    expect((await consumer.next("services")).gone).toEqual(["db"]);
    expect((await provider.next("offers.refused")).refused).toMatchObject([
      { name: "db", code: "service.forbidden" },
    ]);
    expect((await ops.events("service.refused")).map(({ code }) => code)).toEqual(["service.forbidden"]);
    unwrap(await update("public1", { mayOffer: null }));
    expect((await consumer.next("services")).put).toMatchObject([{ name: "db" }]);
    expect((await provider.next("offers.refused")).refused).toEqual([]);
    const changes = await ops.events("site.changed");
    expect(changes.map(({ text }) => text)).toEqual([
      "Site public1 may offer: web-*.",
      "Site public1 may offer: any service.",
    ]);
  });
});

describe("a token on behalf of a site", () => {
  it("names its issuer, and links its joiner to that site", async () => {
    await ops.member("public1");
    const claim = await ops.token({ issuer: "public1" });
    expect((await tokens()).at(-1)).toMatchObject({ issuer: "public1" });
    const keys = await newKeys();
    const admission = admitted(await ops.redeem(claim, "private1", keys));
    expect(linkIn(admission)).toMatchObject({ name: "link1", issuer: "public1", cost: 1 });
    expect((await dial(memberFrom(admission, keys))).status).toBe(101);
    const issuers = (await ops.rows("SELECT id FROM issuers")).map(({ id }) => id);
    expect(issuers).toEqual([(await site("public1")).id]);
  });

  it("is not created for an unknown or a revoked site", async () => {
    await ops.member("public1");
    await ops.registry.revokeSite("public1", "ops");
    const create = (issuer: string) =>
      codeOf(ops.registry.createToken({ issuer, uses: 1, expirySeconds: 60, actor: "ops" }));
    expect(await create("public1")).toBe("site.revoked");
    expect(await create("nobody")).toBe("site.unknown");
    expect(await tokens()).toHaveLength(1);
  });

  it("is refused to the issuer itself, and to a site that has its link already, without a use", async () => {
    const public1 = await ops.member("public1");
    const private1 = await ops.member("private1");
    const claim = await ops.token({ issuer: "public1", uses: 2 });
    expect(await ops.redeem(claim, "public1", public1.keys)).toBe("link.self");
    admitted(await ops.redeem(claim, "private1", private1.keys));
    const another = await ops.token({ issuer: "public1" });
    expect(await ops.redeem(another, "private1", private1.keys)).toBe("link.exists");
    expect((await tokens()).slice(-2)).toMatchObject([{ used: 1 }, { used: 0 }]);
    const refused = (await ops.events("token.refused")).map(({ code }) => code);
    expect(refused).toEqual(["link.self", "link.exists"]);
  });

  it("gives a link the requested name and cost; a taken name counts no use", async () => {
    await ops.member("public1");
    await ops.member("public2");
    const private1 = await ops.member("private1");
    expect(await ops.link(private1, "public1", { name: "main", cost: 10 })).toMatchObject({
      name: "main",
      cost: 10,
    });
    const claim = await ops.token({ issuer: "public2" });
    const asked = { name: "main" };
    expect(await ops.redeem(claim, "private1", private1.keys, asked)).toBe("link.name_taken");
    const given = linkIn(admitted(await ops.redeem(claim, "private1", private1.keys)));
    expect(given).toMatchObject({ name: "link1", cost: 1 });
  });

  it("brings its link up at once for a joiner that is up, and notifies both ends", async () => {
    const public1 = await ops.member("public1");
    const private1 = await ops.member("private1");
    const issuer = await TestUplink.open(public1, { offers: [offer("api")] });
    const joiner = await TestUplink.open(private1);
    const link = await ops.link(private1, "public1");
    expect((await joiner.next("links")).links).toMatchObject([{ id: link.id, state: "up" }]);
    expect((await issuer.next("links")).incoming).toMatchObject([
      { id: link.id, joiner: "private1", state: "up" },
    ]);
    expect((await joiner.next("services")).put).toMatchObject([{ name: "api" }]);
    const types = (await ops.events()).map(({ type }) => type);
    expect(types.slice(types.lastIndexOf("link.created"))).toEqual([
      "link.created",
      "token.redeemed",
      "link.up",
    ]);
  });
});
