import { runInDurableObject } from "cloudflare:test";
import { env } from "cloudflare:workers";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { encodeBase64 } from "../../../protocol/encoding.ts";
import { renewIssuerAuthority, renewNetworkAuthority } from "../../../workers/authority/authority.ts";
import { makeSealer } from "../../../workers/authority/sealer.ts";
import { readCertificate } from "../../../workers/authority/x509.ts";
import type { Authorities } from "../../../workers/registry/context/authorities.ts";
import type { Context } from "../../../workers/registry/context/context.ts";
import { renew } from "../../../workers/registry/operations/renew.ts";
import { revokeAccess } from "../../../workers/registry/operations/revoke-access.ts";
import { revokeSite } from "../../../workers/registry/operations/site-removal.ts";
import { unwrap } from "../../../workers/result.ts";
import { DAY, newKeys } from "../../support/authority/test-site.ts";
import { dial } from "../../support/workerd/client.ts";
import { contextOn } from "../../support/workerd/context.ts";
import { derOf, linkIn, type Member, memberFrom, offer, TestUplink } from "../../support/workerd/member.ts";
import { admitted, type Operator } from "../../support/workerd/operator.ts";

import { closeShop, openShopOf } from "../../support/workerd/shop.ts";

const YEAR = 365 * DAY;
let ops: Operator;
let public1: Member;
let private1: Member;

beforeEach(async () => {
  ({ ops, public1, private1 } = await openShopOf("public1", "private1"));
});
afterEach(closeShop);

const spkiIn = (der: Uint8Array) => readCertificate(der)?.spki;
const bytesOf = (value: unknown) => new Uint8Array(value as ArrayBuffer);
const hex = (bytes: Uint8Array) => Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");

/** Installs CAs that were issued nine years ago, for the same keys. */
async function age(): Promise<void> {
  const then = Date.now() - 9 * YEAR;
  const [network] = await ops.rows("SELECT ca_certificate FROM network");
  const certificate = await renewNetworkAuthority({
    networkId: ops.id,
    certificate: bytesOf(network?.ca_certificate),
    deploymentCa: env.DEPLOYMENT_CA,
    deploymentCaKey: env.DEPLOYMENT_CA_KEY,
    now: then,
  });
  await ops.rows(`UPDATE network SET ca_certificate = x'${hex(certificate)}'`);
  const sealer = await makeSealer(env.DEPLOYMENT_CA_KEY, `authorities:${ops.id}`);
  for (const row of await ops.rows("SELECT * FROM issuers")) {
    const privateKey = await sealer.open(bytesOf(row.key_sealed));
    const issuer = { certificate: bytesOf(row.certificate), privateKey };
    const aged = await renewIssuerAuthority({ ...issuer, now: then });
    await ops.rows(`UPDATE issuers SET certificate = x'${hex(aged)}' WHERE id = ?`, String(row.id));
  }
}

/** A context over the registry's own storage whose signing of links waits for another action first. */
function during<T>(
  work: (context: Context) => Promise<T>,
  meanwhile: (context: Context) => Promise<unknown>,
): Promise<T> {
  return runInDurableObject(ops.registry, async (_, state) => {
    let happened = false;
    const interrupted = (plain: Authorities): Authorities =>
      new Proxy(plain, {
        get: (target, name) => {
          if (name !== "signLink") {
            const value: unknown = Reflect.get(target, name, target);
            return typeof value === "function" ? value.bind(target) : value;
          }
          return async (...facts: Parameters<Authorities["signLink"]>) => {
            const signed = await target.signLink(...facts);
            if (happened) return signed;
            happened = true;
            await meanwhile(context);
            return signed;
          };
        },
      });
    const context = contextOn(state, interrupted);
    return work(context);
  });
}

describe("a CA that is about to expire", () => {
  it("is reissued once at the next signing, for the same key, and handed out by renewals", async () => {
    const link = await ops.link(private1, "public1");
    await age();
    const before = await ops.rows("SELECT ca_certificate FROM network");
    const uplink = await TestUplink.open(private1, { links: [link.certificate] });
    for (const id of [1, 2]) {
      uplink.send({ type: "renew", id });
      const { renewal } = await uplink.next("renewed");
      const [stored] = await ops.rows("SELECT ca_certificate FROM network");
      expect(renewal.authority).toBe(encodeBase64(bytesOf(stored?.ca_certificate)));
      expect(renewal.ca).toBe(env.DEPLOYMENT_CA);
      const authority = derOf(renewal.authority);
      expect(spkiIn(authority)).toEqual(spkiIn(bytesOf(before[0]?.ca_certificate)));
      expect(readCertificate(authority)?.notBefore).toBeGreaterThan(Date.now() - DAY);
    }
    const renewed = (await ops.events("authority.renewed")).map(({ text }) => text);
    expect(renewed).toHaveLength(2);
    expect(renewed.join()).toMatch(/the network .*issuer public1 /);
  });

  it("refuses no uplink or link: old and new certificates are valid side by side", async () => {
    const link = await ops.link(private1, "public1");
    const other = await TestUplink.open(public1, { offers: [offer("api")] });
    await age();
    const uplink = await TestUplink.open(private1, { links: [link.certificate] });
    uplink.send({ type: "renew", id: 1 });
    const { renewal } = await uplink.next("renewed");
    const renewedLink = renewal.links[0]?.certificate ?? "";
    const member = memberFrom({ ...private1.admission, ...renewal }, private1.keys);
    const again = await TestUplink.dial(member);
    expect((await again.greet({ links: [renewedLink] })).links).toMatchObject([{ state: "up" }]);
    const old = await TestUplink.dial(private1);
    expect((await old.greet({ links: [link.certificate] })).links).toMatchObject([{ state: "up" }]);
    expect(typeof (await again.request(other, "api"))).toBe("object");
    expect((await dial(public1)).status).toBe(101);
  });

  it("is reissued once by two concurrent signings", async () => {
    await age();
    const claims = await Promise.all([1, 2, 3].map(() => ops.token()));
    const joined = await Promise.all(claims.map((claim, index) => ops.redeem(claim, `site-${index}`)));
    for (const answer of joined) admitted(answer);
    expect(await ops.events("authority.renewed")).toHaveLength(1);
  });
});

describe("a renewal during a revocation of access", () => {
  it("renews no link whose issuer's CA was replaced meanwhile", async () => {
    const link = await ops.link(private1, "public1");
    const renewal = await during(
      (context) => {
        const site = context.store.sites.get(private1.siteId);
        if (!site) throw new Error("no site");
        return renew(context, site, null);
      },
      (context) => revokeAccess(context, { issuer: "public1", all: false }, "ops"),
    );
    expect(renewal.links).toEqual([]);
    const [stored] = await ops.rows("SELECT certificate, revoked_at FROM links WHERE id = ?", link.id);
    expect(encodeBase64(bytesOf(stored?.certificate))).toBe(link.certificate);
    expect(stored?.revoked_at).not.toBeNull();
  });

  it("renews the link that replaced the old one meanwhile, by the new CA", async () => {
    await ops.link(private1, "public1");
    const renewal = await during(
      (context) => {
        const site = context.store.sites.get(private1.siteId);
        if (!site) throw new Error("no site");
        return renew(context, site, null);
      },
      async (context) => {
        await revokeAccess(context, { issuer: "public1", all: false }, "ops");
        await ops.link(private1, "public1");
      },
    );
    const [row] = (await ops.links()).filter(({ code }) => code !== "link.revoked");
    expect(renewal.links.map(({ id }) => id)).toEqual([row?.id]);
    const uplink = await TestUplink.dial(private1);
    const links = renewal.links.map(({ certificate }) => certificate);
    expect((await uplink.greet({ links })).links).toMatchObject([{ code: "session.peer_offline" }]);
  });

  it("is refused if the site itself is revoked meanwhile", async () => {
    await ops.link(private1, "public1");
    const attempt = during(
      async (context) => {
        const site = context.store.sites.get(private1.siteId);
        if (!site) throw new Error("no site");
        return renew(context, site, null).then(
          () => "renewed",
          (thrown: { code: string }) => thrown.code,
        );
      },
      (context) => revokeSite(context, "private1", "ops"),
    );
    expect(await attempt).toBe("site.revoked");
    expect(await ops.events("certificate.renewed")).toEqual([]);
  });
});

describe("a redemption during a revocation of access", () => {
  const revoke = (issuer: string) => ops.registry.revokeAccess({ issuer, all: false }, "ops").then(unwrap);

  it("leaves no link that a revoked CA signed, whichever of two comes first", async () => {
    for (let round = 0; round < 5; round++) {
      const claim = await ops.token({ issuer: "public1", uses: 10 });
      const keys = await newKeys();
      const [, joined] = await Promise.all([
        revoke("public1"),
        ops.redeem(claim, `round-${round}`, keys),
        revoke("public1"),
      ]);
      if (typeof joined === "string") expect(joined).toBe("token.revoked");
      expect(await ops.redeem(claim, `late-${round}`)).toBe("token.revoked");
      const good = await ops.rows(
        "SELECT id FROM links WHERE issuer = ? AND revoked_at IS NULL",
        public1.siteId,
      );
      expect(good).toEqual([]);
      // A new token links again, with a certificate of the present CA.
      if (typeof joined === "string") continue;
      const member = memberFrom(joined, keys);
      const link = await ops.link(member, "public1");
      await TestUplink.open(public1);
      const uplink = await TestUplink.dial(member);
      expect((await uplink.greet({ links: [link.certificate] })).links).toMatchObject([{ state: "up" }]);
      expect(linkIn(joined).id).not.toBe(link.id);
    }
    expect((await ops.events("access.revoked")).length).toBe(10);
  });

  it("is refused if the issuer itself is removed, and leaves no CA behind", async () => {
    const claim = await ops.token({ issuer: "public1", uses: 10 });
    const [joined] = await Promise.all([
      ops.redeem(claim, "new"),
      ops.registry.deleteSite("public1", "ops").then(unwrap),
    ]);
    if (typeof joined === "string") expect(joined).toBe("token.revoked");
    expect(await ops.rows("SELECT * FROM issuers")).toEqual([]);
    expect(await ops.rows("SELECT * FROM links")).toEqual([]);
    expect(await ops.redeem(claim, "later")).toBe("token.revoked");
  });
});
