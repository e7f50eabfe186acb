import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { unwrap } from "../../../workers/result.ts";
import { newKeys } from "../../support/authority/test-site.ts";

import { expectJoined, refusal } from "../../support/workerd/lane.ts";
import { granted, linkIn, type Member, offer, TestUplink } from "../../support/workerd/member.ts";
import { admitted, cutsAt, type Operator, talk } from "../../support/workerd/operator.ts";

import { closeShop, openShopOf } from "../../support/workerd/shop.ts";

/** The talk's network: private1 has joined public1 and public2, and public2 has joined public1. */
let ops: Operator;
let public1: Member;
let public2: Member;
let private1: Member;

const links: Record<string, { id: string; certificate: string }> = {};

beforeEach(async () => {
  ({ ops, public1, public2, private1 } = await openShopOf("public1", "public2", "private1"));
  links.toPublic1 = await ops.link(private1, "public1");
  links.toPublic2 = await ops.link(private1, "public2");
  links.between = await ops.link(public2, "public1");
});
afterEach(closeShop);

const certificates = (...names: string[]) => names.map((name) => links[name]?.certificate ?? "");

async function everybodyUp() {
  const one = await TestUplink.open(public1, { offers: [offer("one")] });
  const two = await TestUplink.open(public2, {
    offers: [offer("two")],
    links: certificates("between"),
  });
  const mine = await TestUplink.open(private1, {
    offers: [offer("mine")],
    links: certificates("toPublic1", "toPublic2"),
  });
  for (const uplink of [one, two, mine]) await uplink.settle();
  for (const uplink of [one, two, mine]) uplink.received.length = 0;
  return { one, two, mine };
}

const revoke = (issuer?: string, all = false) =>
  ops.registry.revokeAccess(issuer === undefined ? { all } : { issuer, all }, "ops");
const names = (list: readonly { joiner: string; issuer: string }[]) =>
  list.map(({ joiner, issuer }) => `${joiner} → ${issuer}`).sort();

describe("revoking an issuer's access", () => {
  it("revokes its tokens and links, replaces its CA, and reports what ended", async () => {
    const claims = [await ops.token({ issuer: "public1" }), await ops.token({ issuer: "public2" })];
    const before = await ops.rows(
      "SELECT hex(certificate) AS certificate FROM issuers WHERE id = ?",
      public1.siteId,
    );
    const died = unwrap(await revoke("public1"));
    expect(died).toMatchObject({ issuers: ["public1"], sessions: 0 });
    expect(died.tokens).toHaveLength(1);
    expect(names(died.links)).toEqual(["private1 → public1", "public2 → public1"]);
    expect(await ops.redeem(claims[0] ?? "", "new")).toBe("token.revoked");
    admitted(await ops.redeem(claims[1] ?? "", "new"));
    const after = await ops.rows(
      "SELECT hex(certificate) AS certificate FROM issuers WHERE id = ?",
      public1.siteId,
    );
    expect(after).not.toEqual(before);
    const [event] = await ops.events("access.revoked");
    expect(event).toMatchObject({ site: "public1", actor: "ops" });
  });

  it("leaves every other link, uplink and session alone: private1 ↔ public2 continues", async () => {
    const { one, two, mine } = await everybodyUp();
    const lost = await talk(mine, one, "one");
    const kept = await talk(mine, two, "two");
    const died = unwrap(await revoke("public1"));
    expect(died.sessions).toBe(1);
    for (const end of lost.ends) await end.closed;
    for (const uplink of [one, mine]) {
      await uplink.settle();
      expect(cutsAt(uplink)).toEqual([[lost.session, "session.revoked"]]);
    }
    await two.settle();
    expect(cutsAt(two)).toEqual([]);
    await expectJoined(...kept.ends);
    expect(await mine.request(one, "one")).toBe("session.forbidden");
    expect(await mine.resume({ session: lost.session, generation: 1 })).toBe("session.revoked");
    await granted(mine.resume({ session: kept.session, generation: 1 }));
  });

  it("cuts no session that has another path, and announces the new costs", async () => {
    // private1 ↔ public1 uses public2 if only their own link is deleted.
    const { one, mine } = await everybodyUp();
    const session = await talk(mine, one, "one");
    unwrap(await ops.registry.deleteLink(links.toPublic1?.id ?? "", "ops"));
    await mine.settle();
    expect(cutsAt(mine)).toEqual([]);
    await expectJoined(...session.ends);
    expect(mine.waiting("services").at(-1)?.put).toMatchObject([{ name: "one", offers: [{ cost: 2 }] }]);
    unwrap(await revoke("public1"));
    for (const end of session.ends) await end.closed;
    await mine.settle();
    expect(cutsAt(mine)).toEqual([[session.session, "session.revoked"]]);
    expect(mine.waiting("services").at(-1)?.gone).toEqual(["one"]);
  });

  it("marks the links as down for good at both ends, while both uplinks stay", async () => {
    const { one, two, mine } = await everybodyUp();
    unwrap(await revoke("public1"));
    expect((await mine.next("links")).links).toMatchObject([
      { id: links.toPublic1?.id, state: "down", code: "link.revoked" },
      { id: links.toPublic2?.id, state: "up" },
    ]);
    expect((await two.next("links")).links).toMatchObject([{ state: "down", code: "link.revoked" }]);
    const { incoming } = await one.next("links");
    expect(incoming.map(({ code }) => code)).toEqual(["link.revoked", "link.revoked"]);
    expect((await ops.events("link.down")).map(({ code }) => code)).toEqual(["link.revoked", "link.revoked"]);
    // Another uplink with the revoked certificate does not bring the link up.
    const again = await TestUplink.dial(private1);
    const welcome = await again.greet({ links: certificates("toPublic1", "toPublic2") });
    expect(welcome.links).toMatchObject([{ code: "link.revoked" }, { state: "up" }]);
  });

  it("is undone by a new token: the link returns under its name", async () => {
    const { mine } = await everybodyUp();
    unwrap(await revoke("public1"));
    await mine.next("links");
    const link = await ops.link(private1, "public1", { cost: 5 });
    expect(link).toMatchObject({ name: "link1", cost: 5 });
    expect((await mine.next("links")).links).toMatchObject([
      { name: "link2", state: "up" },
      { id: link.id, name: "link1", state: "up", cost: 5 },
    ]);
    expect(names((await ops.links()).filter(({ state }) => state === "up"))).toEqual([
      "private1 → public1",
      "private1 → public2",
    ]);
    // A new name for the link of the other joiner.
    const renamed = await ops.link(public2, "public1", { name: "main" });
    expect((await ops.links()).filter(({ joiner }) => joiner === "public2")).toMatchObject([
      { id: renamed.id, name: "main" },
    ]);
  });

  it("replaces the CA even if nothing was issued", async () => {
    const died = unwrap(await revoke());
    expect(died).toEqual({ issuers: ["network"], tokens: [], links: [], sessions: 0 });
    const once = await ops.rows("SELECT hex(certificate) AS certificate FROM issuers WHERE id = 'network'");
    expect(once).toHaveLength(1);
    unwrap(await revoke("network"));
    expect(
      await ops.rows("SELECT hex(certificate) AS certificate FROM issuers WHERE id = 'network'"),
    ).not.toEqual(once);
    const events = await ops.events("access.revoked");
    expect(events.map(({ site, actor }) => [site, actor])).toEqual([
      [undefined, "ops"],
      [undefined, "ops"],
    ]);
  });

  it("cuts every session and leaves every site a member, if all access is revoked", async () => {
    const { one, two, mine } = await everybodyUp();
    await talk(mine, one, "one");
    await talk(mine, two, "two");
    const died = unwrap(await revoke(undefined, true));
    expect([...died.issuers].sort()).toEqual(["network", "public1", "public2"]);
    expect(died.links).toHaveLength(3);
    expect(died.sessions).toBe(2);
    for (const uplink of [one, two, mine]) await uplink.settle();
    const { sites } = unwrap(await ops.registry.status());
    expect(sites.map(({ state }) => state)).toEqual(["up", "up", "up"]);
  });

  it("is refused for an unknown issuer, for a revoked one, and for one together with all", async () => {
    const code = async (answer: ReturnType<typeof revoke>) => {
      const result = await answer;
      return result.ok ? "none" : result.error.code;
    };
    expect(await code(revoke("nobody"))).toBe("site.unknown");
    expect(await code(revoke("public1", true))).toBe("request.invalid");
    await ops.registry.revokeSite("public1", "ops");
    expect(await code(revoke("public1"))).toBe("site.revoked");
    expect(await ops.events("access.revoked")).toEqual([]);
  });
});

describe("revoking a site", () => {
  it("ends what the site issued, and the sessions over it", async () => {
    // Without its own link to public2, private1 is connected with it through public1 only.
    unwrap(await ops.registry.deleteLink(links.toPublic2?.id ?? "", "ops"));
    const { one, two, mine } = await everybodyUp();
    const session = await talk(mine, two, "two");
    const claim = await ops.token({ issuer: "public1" });
    unwrap(await ops.registry.revokeSite("public1", "ops"));
    expect((await one.closed).reason).toBe("site.revoked");
    for (const end of session.ends) await end.closed;
    expect(await ops.redeem(claim, "new")).toBe("token.revoked");
    const { links: notified } = await two.next("links");
    expect(notified).toMatchObject([{ state: "down", code: "link.revoked" }]);
    expect(await ops.rows("SELECT id FROM issuers WHERE id = ?", public1.siteId)).toEqual([]);
    unwrap(await ops.registry.deleteSite("public1", "ops"));
    expect((await two.next("links")).links).toEqual([]);
    expect((await mine.next("links")).links).toBeDefined();
  });

  it("cuts lanes that two revoked sites keep without a known session", async () => {
    const { one, mine } = await everybodyUp();
    const session = await talk(mine, one, "one");
    // One side reports the end of the session: the registry forgets it, and the lane continues.
    one.send({ type: "session.ended", session: session.session, generation: 1, code: "session.ended" });
    await one.settle();
    await expectJoined(...session.ends);
    await Promise.all([
      ops.registry.revokeSite("public1", "ops").then(unwrap),
      ops.registry.revokeSite("private1", "ops").then(unwrap),
    ]);
    for (const end of session.ends) await end.closed;
    expect(await refusal(mine, session.tickets[0])).toEqual([403, "site.revoked"]);
    expect(await refusal(one, session.tickets[1])).toEqual([403, "site.revoked"]);
  });
});

describe("deleting a link", () => {
  it("notifies both ends, and cuts the sessions that have no other path", async () => {
    const { one, two, mine } = await everybodyUp();
    const session = await talk(mine, two, "two");
    unwrap(await ops.registry.deleteLink(links.between?.id ?? "", "ops"));
    expect((await two.next("links")).links).toEqual([]);
    expect((await one.next("links")).incoming).toMatchObject([{ joiner: "private1" }]);
    await mine.settle();
    expect(cutsAt(mine)).toEqual([]);
    mine.send({ type: "link.delete", id: 5, link: "link2" });
    expect(await mine.next("done")).toMatchObject({ id: 5 });
    for (const end of session.ends) await end.closed;
    expect((await ops.events("link.deleted")).map(({ actor, site }) => [site, actor])).toEqual([
      ["public2", "ops"],
      ["private1", "private1"],
    ]);
  });

  it("is refused to a connector for another site's link, and for an unknown one", async () => {
    const { two, mine } = await everybodyUp();
    for (const link of ["link9", "link2"]) {
      two.send({ type: "link.delete", id: 6, link });
      expect(await two.next("error")).toMatchObject({ id: 6, error: { code: "link.unknown" } });
    }
    await mine.settle();
    expect(await ops.links()).toHaveLength(3);
    const gone = await ops.registry.deleteLink(links.between?.id ?? "", "ops");
    expect(gone).toMatchObject({ ok: true, value: { joiner: "public2", issuer: "public1", state: "down" } });
    expect(await ops.registry.deleteLink(links.between?.id ?? "", "ops")).toMatchObject({
      error: { code: "link.unknown" },
    });
  });

  it("counts another use of a token that makes the link again", async () => {
    const claim = await ops.token({ issuer: "public2", uses: 2 });
    const keys = await newKeys();
    const first = linkIn(admitted(await ops.redeem(claim, "private2", keys)));
    unwrap(await ops.registry.deleteLink(first.id, "ops"));
    const second = linkIn(admitted(await ops.redeem(claim, "private2", keys)));
    expect(second.id).not.toBe(first.id);
    unwrap(await ops.registry.deleteLink(second.id, "ops"));
    expect(await ops.redeem(claim, "private2", keys)).toBe("token.used_up");
  });
});
