import { env } from "cloudflare:workers";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import * as z from "zod";
import { Admission, RenewalResponse } from "../../../protocol/api/admission.ts";
import { Token } from "../../../protocol/api/tokens.ts";
import type { Renewal } from "../../../protocol/uplink/messages.ts";
import {
  signLinkCertificate,
  signSiteCertificate,
  verifyLinkCertificate,
} from "../../../workers/authority/certificates.ts";
import { keyHashOf } from "../../../workers/authority/keys.ts";
import { makeSealer } from "../../../workers/authority/sealer.ts";
import { readCertificate } from "../../../workers/authority/x509.ts";
import { createAssertion, DAY, newKeys, spkiOf } from "../../support/authority/test-site.ts";
import {
  call,
  claimIn,
  createNetwork,
  createToken,
  dial,
  errorOf,
  expectAnswer,
  redeem,
} from "../../support/workerd/client.ts";
import {
  admit,
  derOf,
  events,
  linkIn,
  type Member,
  memberFrom,
  status,
  TestUplink,
} from "../../support/workerd/member.ts";
import { closeShop } from "../../support/workerd/shop.ts";
import { alterUplinks, runSql } from "../../support/workerd/stored.ts";

let networkId: string;

beforeEach(async () => {
  networkId = (await createNetwork("shop")).id;
});
afterEach(closeShop);

const claim = async (body: object = {}) => claimIn((await createToken("shop", body)).file);
const tokens = () => expectAnswer(z.array(Token), call("GET", "/v1/networks/shop/tokens"));
const rows = (statement: string, ...values: (string | number | Uint8Array<ArrayBuffer>)[]) =>
  runSql({ networkId }, statement, ...values);

/** Codes of several answers, sorted; "none" for success. */
const outcomes = async (answers: Promise<Response>[]) =>
  (
    await Promise.all(
      answers.map(async (answer) => {
        const response = await answer;
        return response.ok ? "none" : (await errorOf(response))[1];
      }),
    )
  ).sort();

describe("a token", () => {
  it("admits one of two concurrent sites with a token of one use, and refuses the other", async () => {
    const text = await claim();
    const racing = [redeem(text, "west"), redeem(text, "east")];
    expect(await outcomes(racing)).toEqual(["none", "token.used_up"]);
    expect((await status("shop")).sites).toHaveLength(1);
    expect(await tokens()).toMatchObject([{ used: 1, state: "used_up" }]);
  });

  it("admits exactly three of eight sites with a token of three uses", async () => {
    const text = await claim({ uses: 3 });
    const racing = Array.from({ length: 8 }, (_, index) => redeem(text, `site-${index}`));
    const expected = ["none", "none", "none", ...Array.from({ length: 5 }, () => "token.used_up")];
    expect(await outcomes(racing)).toEqual(expected);
    expect((await status("shop")).sites).toHaveLength(3);
    expect(await rows("SELECT count(*) AS count FROM redemptions")).toEqual([{ count: 3 }]);
    expect(await rows("SELECT count(*) AS count FROM links")).toEqual([{ count: 3 }]);
    expect(await rows("SELECT count(*) AS count FROM certificates")).toEqual([{ count: 3 }]);
  });

  it("admits one of two sites with the same name with a token of two uses", async () => {
    const text = await claim({ uses: 2 });
    expect(await outcomes([redeem(text, "west"), redeem(text, "west")])).toEqual(["none", "site.name_taken"]);
    expect(await tokens()).toMatchObject([{ used: 1, state: "good" }]);
  });

  it("gives the same answer for the same key without another use, even after it ended", async () => {
    const text = await claim({ uses: 2 });
    const keys = await newKeys();
    const first = await expectAnswer(Admission, redeem(text, "west", keys));
    expect(await expectAnswer(Admission, redeem(text, "west", keys))).toEqual(first);
    expect(await tokens()).toMatchObject([{ used: 1 }]);
    await redeem(text, "east");
    await rows("UPDATE tokens SET expires_at = 0");
    expect(await expectAnswer(Admission, redeem(text, "west", keys))).toEqual(first);
    expect(await tokens()).toMatchObject([{ used: 2 }]);
  });

  it("gives the same answer to many concurrent redemptions with the same key", async () => {
    const text = await claim({ uses: 5 });
    const keys = await newKeys();
    const answers = await Promise.all(
      Array.from({ length: 4 }, () => expectAnswer(Admission, redeem(text, "west", keys))),
    );
    for (const answer of answers) expect(answer).toEqual(answers[0]);
    expect(await tokens()).toMatchObject([{ used: 1 }]);
    expect((await status("shop")).links).toHaveLength(1);
  });

  it("is refused with its own code if expired, revoked, altered or unknown", async () => {
    vi.useFakeTimers({ toFake: ["Date"] });
    const expired = await claim({ expirySeconds: 60 });
    vi.setSystemTime(Date.now() + 59_000);
    await expectAnswer(Admission, redeem(expired, "early"));
    vi.setSystemTime(Date.now() + 1_000);
    expect(await errorOf(redeem(expired, "west"))).toEqual([410, "token.expired"]);
    vi.useRealTimers();

    const revoked = await createToken("shop", { uses: 2 });
    await expectAnswer(Admission, redeem(claimIn(revoked.file), "before"));
    await call("DELETE", `/v1/networks/shop/tokens/${revoked.id}`);
    expect(await errorOf(redeem(claimIn(revoked.file), "west"))).toEqual([410, "token.revoked"]);

    const [network, token, secret = ""] = (await claim()).split(".");
    const other = `${secret[0] === "A" ? "B" : "A"}${secret.slice(1)}`;
    expect(await errorOf(redeem(`${network}.${token}.${other}`, "west"))).toEqual([403, "token.altered"]);
    const never = `${network}.t${"0".repeat(26)}.${secret}`;
    expect(await errorOf(redeem(never, "west"))).toEqual([404, "token.unknown"]);

    const codes = (await events("shop", "token.refused")).map(({ code }) => code);
    expect(codes).toEqual(["token.expired", "token.revoked", "token.altered", "token.unknown"]);
  });

  it("is remembered for 30 days after its end, with its redemptions", async () => {
    const days: Record<string, string> = {};
    for (const age of [29, 31]) {
      const text = await claim();
      await redeem(text, `site-${age}`);
      const [, id = ""] = text.split(".");
      await rows("UPDATE tokens SET expires_at = ? WHERE id = ?", Date.now() - age * DAY, id);
      days[age] = text;
    }
    const revoked = await createToken("shop", { expirySeconds: 3600 });
    await call("DELETE", `/v1/networks/shop/tokens/${revoked.id}`);
    await rows("UPDATE tokens SET revoked_at = ? WHERE id = ?", Date.now() - 31 * DAY, revoked.id);
    await createToken("shop");
    expect(await tokens()).toMatchObject([{ state: "expired" }, { state: "good" }]);
    expect(await rows("SELECT count(*) AS count FROM redemptions")).toEqual([{ count: 1 }]);
    expect(await errorOf(redeem(days[29] ?? "", "other"))).toEqual([410, "token.expired"]);
    expect(await errorOf(redeem(days[31] ?? "", "other"))).toEqual([404, "token.unknown"]);
    expect((await status("shop")).sites).toHaveLength(2);
  });

  it("does not admit a second site with a taken name", async () => {
    await admit("shop", "west");
    const text = await claim();
    expect(await errorOf(redeem(text, "west"))).toEqual([409, "site.name_taken"]);
    await expectAnswer(Admission, redeem(text, "west-2"));
  });

  it("gives a member another link, link2, and adds no site", async () => {
    const west = await admit("shop", "west");
    await admit("shop", "public");
    const text = await claim({ issuer: "public" });
    const admission = await expectAnswer(Admission, redeem(text, "west", west.keys));
    expect(admission.site).toEqual({ id: west.siteId, name: "west" });
    expect(linkIn(admission)).toMatchObject({ name: "link2", issuer: "public", cost: 1 });
    // A key identifies one site, whatever name is requested.
    expect(await errorOf(redeem(await claim(), "another", west.keys))).toEqual([409, "link.exists"]);
    const member = memberFrom(admission, west.keys);
    const uplink = await TestUplink.dial(member);
    const links = [linkIn(west.admission).certificate, linkIn(admission).certificate];
    expect((await uplink.greet({ links })).links.map(({ name, state, code }) => [name, state, code])).toEqual(
      [
        ["link1", "up", undefined],
        ["link2", "down", "session.peer_offline"],
      ],
    );
  });

  it("makes one site with two links if a key redeems tokens of two issuers at once", async () => {
    const keys = await newKeys();
    await admit("shop", "public");
    const claims = [await claim(), await claim({ issuer: "public" })];
    const [one, two] = await Promise.all(
      claims.map((text) => expectAnswer(Admission, redeem(text, "west", keys))),
    );
    expect(one?.site).toEqual(two?.site);
    expect([one?.link?.name, two?.link?.name].sort()).toEqual(["link1", "link2"]);
    const { sites, links } = await status("shop");
    expect(sites.map(({ name }) => name)).toEqual(["public", "west"]);
    expect(links.map(({ joiner }) => joiner)).toEqual(["public", "west", "west"]);
    for (const admission of [one, two]) {
      if (!admission) throw new Error("no admission");
      expect((await dial(memberFrom(admission, keys))).status).toBe(101);
    }
  });

  it("admits a new site with a revoked site's name, whose certificate stays invalid", async () => {
    const old = await admit("shop", "west");
    await call("POST", "/v1/networks/shop/sites/west/revoke");
    const successor = await admit("shop", "west");
    expect(successor.siteId).not.toBe(old.siteId);
    expect(await errorOf(dial(old))).toEqual([403, "site.revoked"]);
    expect((await dial(successor)).status).toBe(101);
    expect((await status("shop")).sites).toMatchObject([{ id: successor.siteId, name: "west" }]);
  });

  it("never admits a revoked site's key again, and loses no use by it", async () => {
    const old = await admit("shop", "west");
    await call("POST", "/v1/networks/shop/sites/west/revoke");
    const text = await claim();
    for (const name of ["west", "other"]) {
      expect(await errorOf(redeem(text, name, old.keys))).toEqual([403, "site.revoked"]);
    }
    await expectAnswer(Admission, redeem(text, "other"));
  });

  it("gives a link certificate of the network's issuer CA for the site's key", async () => {
    const { admission, keys } = await admit("shop", "west");
    const [stored] = await rows("SELECT certificate FROM issuers WHERE id = 'network'");
    const issuer = new Uint8Array(stored?.certificate as ArrayBuffer);
    await verifyLinkCertificate(derOf(linkIn(admission).certificate), {
      issuer,
      networkId,
      linkId: linkIn(admission).id,
      keyHash: await keyHashOf(await spkiOf(keys.publicKey)),
      now: Date.now(),
    });
    expect(await rows("SELECT count(*) AS count FROM issuers")).toEqual([{ count: 1 }]);
  });
});

describe("a renewal over the uplink", () => {
  it("returns the present certificates of a young site, and records nothing", async () => {
    const west = await admit("shop", "west");
    const uplink = await TestUplink.open(west);
    for (const id of [1, 2]) {
      uplink.send({ type: "renew", id });
      const { renewal } = await uplink.next("renewed");
      expect(renewal).toMatchObject({
        certificate: west.admission.certificate,
        authority: west.admission.authority,
        links: [{ id: west.admission.link?.id, certificate: west.admission.link?.certificate }],
      });
    }
    expect(await events("shop", "certificate.renewed")).toEqual([]);
  });

  it("gives new certificates for the same key while the old ones stay valid", async () => {
    const west = await admit("shop", "west");
    const uplink = await TestUplink.open(west);
    await alterUplinks(west, { notAfter: Date.now() });
    uplink.send({ type: "renew", id: 7 });
    const { id, renewal } = await uplink.next("renewed");
    expect(id).toBe(7);
    expect(renewal.authority).toBe(west.admission.authority);
    const renewed = renewedFrom(west, renewal);
    expect(renewed.certificate.serial).not.toBe(west.certificate.serial);
    expect(readCertificate(renewed.certificate.certificate)?.spki).toEqual(
      readCertificate(west.certificate.certificate)?.spki,
    );
    const next = await TestUplink.dial(renewed, uplink.boot);
    expect((await next.greet()).links).toMatchObject([{ name: "link1", state: "up" }]);
    expect((await dial(west)).status).toBe(101);
    expect(await events("shop", "certificate.renewed")).toMatchObject([{ site: "west", actor: "west" }]);
  });

  it("deletes certificates that ended more than 30 days ago", async () => {
    const west = await admit("shop", "west");
    const end = (days: number) => Date.now() - days * DAY;
    for (const days of [29, 31]) {
      await rows("INSERT INTO certificates VALUES (?, ?, x'00', ?, NULL)", `${days}`, west.siteId, end(days));
    }
    const uplink = await TestUplink.open(west);
    await alterUplinks(west, { notAfter: Date.now() });
    uplink.send({ type: "renew", id: 1 });
    await uplink.next("renewed");
    const serials = (await rows("SELECT serial FROM certificates")).map(({ serial }) => serial);
    expect(serials).toContain("29");
    expect(serials).not.toContain("31");
  });
});

const renewedFrom = (member: Member, renewal: Renewal): Member => {
  const [link] = renewal.links;
  if (!link) throw new Error("no link was renewed");
  const admission = {
    ...member.admission,
    ...renewal,
    link: { ...linkIn(member.admission), certificate: link.certificate },
  };
  return memberFrom(admission, member.keys);
};

describe("a renewal after a long absence", () => {
  const renew = (assertion: string) => call("POST", "/v1/renew", { key: null, body: { assertion } });

  /** The member as if its newest certificate had been issued this long ago. */
  async function asleep(member: Member, forMs: number): Promise<Member> {
    const authority = await networkAuthority();
    const certificate = await signSiteCertificate({
      authority,
      networkId,
      siteId: member.siteId,
      publicKey: await spkiOf(member.keys.publicKey),
      now: Date.now() - forMs,
    });
    const { serial, notAfter } = certificate;
    await rows("INSERT INTO certificates VALUES (?, ?, x'00', ?, NULL)", serial, member.siteId, notAfter);
    return { ...member, certificate };
  }

  /** A certificate of the member's link as if issued this long ago. Its signer is irrelevant. */
  async function issuedLink(member: Member, forMs: number): Promise<Uint8Array<ArrayBuffer>> {
    const { certificate } = await signLinkCertificate({
      authority: await networkAuthority(),
      networkId,
      linkId: linkIn(member.admission).id,
      siteId: member.siteId,
      publicKey: await spkiOf(member.keys.publicKey),
      now: Date.now() - forMs,
    });
    return certificate;
  }

  async function networkAuthority() {
    const [row] = await rows("SELECT ca_certificate, ca_key_sealed FROM network");
    const sealer = await makeSealer(env.DEPLOYMENT_CA_KEY, `authorities:${networkId}`);
    return {
      certificate: new Uint8Array(row?.ca_certificate as ArrayBuffer),
      privateKey: await sealer.open(new Uint8Array(row?.ca_key_sealed as ArrayBuffer)),
    };
  }

  const assertion = (member: Member, jti?: string) =>
    createAssertion(member, { purpose: "renew", ...(jti === undefined ? {} : { jti }) });

  it("works for 30 days after the certificate's end, and the new one opens an uplink", async () => {
    const west = await admit("shop", "west");
    for (const days of [2, 30.5]) {
      const old = await asleep(west, days * DAY);
      expect(await errorOf(dial(old))).toEqual([403, "certificate.expired"]);
      const renewal = await expectAnswer(RenewalResponse, renew(await assertion(old)));
      const uplink = await TestUplink.dial(renewedFrom(old, renewal));
      expect((await uplink.greet()).links).toMatchObject([{ state: "up" }]);
    }
  });

  it("is refused after 30 days", async () => {
    const old = await asleep(await admit("shop", "west"), 31.1 * DAY);
    expect(await errorOf(renew(await assertion(old)))).toEqual([403, "certificate.too_old"]);
  });

  it("takes a token after 30 days: the same site, even if renamed, with its link as before", async () => {
    const west = await asleep(await admit("shop", "west"), 31.1 * DAY);
    await rows("UPDATE links SET cost = 7, name = 'main'");
    expect(await errorOf(redeem(await claim(), "west", west.keys))).toEqual([409, "link.exists"]);
    // The certificate of its link has ended as well.
    const ended = await issuedLink(west, 31.1 * DAY);
    await rows("UPDATE links SET certificate = ?", ended);
    await call("PATCH", "/v1/networks/shop/sites/west", { body: { name: "far-west" } });
    const admission = await expectAnswer(Admission, redeem(await claim(), "west", west.keys));
    expect(admission.site).toEqual({ id: west.siteId, name: "far-west" });
    expect(linkIn(admission)).toMatchObject({ name: "main", cost: 7, issuer: "network" });
    const uplink = await TestUplink.dial(memberFrom(admission, west.keys));
    expect((await uplink.greet()).links).toMatchObject([{ name: "main", state: "up" }]);
  });

  it("is refused with the token's present state once its redemption was deleted", async () => {
    const text = await claim();
    const keys = await newKeys();
    const first = await expectAnswer(Admission, redeem(text, "west", keys));
    expect(await expectAnswer(Admission, redeem(text, "west", keys))).toEqual(first);
    await rows("DELETE FROM certificates");
    expect(await errorOf(redeem(text, "west", keys))).toEqual([410, "token.used_up"]);
  });

  it("accepts an assertion once, separate from those of uplinks", async () => {
    const west = await admit("shop", "west");
    const uplink = await TestUplink.open(west);
    const jti = `${uplink.boot}.1`;
    const text = await assertion(west, jti);
    expect((await renew(text)).status).toBe(200);
    expect(await errorOf(renew(text))).toEqual([403, "assertion.replayed"]);
  });

  it("is refused to a revoked site, to a revoked certificate and to another key", async () => {
    const west = await asleep(await admit("shop", "west"), 2 * DAY);
    const east = await asleep(await admit("shop", "east"), 2 * DAY);
    const stranger = await newKeys();
    const wrongKey = createAssertion(west, { purpose: "renew", key: stranger.privateKey });
    expect(await errorOf(renew(await wrongKey))).toEqual([403, "assertion.invalid"]);
    await rows("UPDATE certificates SET revoked_at = 1 WHERE serial = ?", east.certificate.serial);
    expect(await errorOf(renew(await assertion(east)))).toEqual([403, "certificate.revoked"]);
    await call("POST", "/v1/networks/shop/sites/west/revoke");
    expect(await errorOf(renew(await assertion(west)))).toEqual([403, "site.revoked"]);
    const refused = await events("shop", "uplink.refused");
    expect(refused.map(({ site, code }) => [site, code])).toEqual([
      ["east", "certificate.revoked"],
      ["west", "site.revoked"],
    ]);
  });
});
