/** Almost valid certificates, sent as a connector sends its own. */
import { env } from "cloudflare:workers";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { signSiteCertificate } from "../../../workers/authority/certificates.ts";
import {
  createDeploymentCa,
  createSite,
  type DeploymentCa,
  forge,
  newKeys,
  P256,
  siteIdOf,
  spkiOf,
  type TestSite,
  uris,
  x509,
} from "../../support/authority/test-site.ts";
import { call, countObjects, createNetwork, dial, errorOf, reported } from "../../support/workerd/client.ts";
import { admit, events, type Member, status, TestUplink } from "../../support/workerd/member.ts";
import { Operator } from "../../support/workerd/operator.ts";
import { closeShop } from "../../support/workerd/shop.ts";

afterEach(() => closeShop());

/** A forger with the deployment CA's key, the strongest one. */
async function deployment(): Promise<DeploymentCa> {
  const made = await createDeploymentCa();
  const pkcs8 = Uint8Array.from(atob(env.DEPLOYMENT_CA_KEY.replaceAll(/-----.*-----|\s/g, "")), (character) =>
    character.charCodeAt(0),
  );
  const privateKey = await crypto.subtle.importKey("pkcs8", pkcs8, P256, true, ["sign"]);
  return {
    ...made,
    certificate: env.DEPLOYMENT_CA,
    key: env.DEPLOYMENT_CA_KEY,
    keys: { ...made.keys, privateKey },
  };
}

const clientAuth = new x509.ExtendedKeyUsageExtension(["1.3.6.1.5.5.7.3.2"]);
const serverAuth = new x509.ExtendedKeyUsageExtension(["1.3.6.1.5.5.7.3.1"]);
const noAuthority = new x509.BasicConstraintsExtension(false, undefined, true);
const authority = new x509.BasicConstraintsExtension(true, undefined, true);

describe("the gateway on a site certificate", () => {
  let west: Member;
  let ca: DeploymentCa;
  /** A site under a network CA for west's network that this test created. */
  let own: TestSite;
  let authorityKey: CryptoKey;

  beforeEach(async () => {
    await createNetwork("shop");
    west = await admit("shop", "west");
    ca = await deployment();
    own = await createSite(ca, { networkId: west.networkId });
    authorityKey = await crypto.subtle.importKey("pkcs8", own.authority.privateKey, P256, true, ["sign"]);
  });

  const uri = () => `spiffe://${west.networkId}/site/${west.siteId}`;

  /** A leaf of that CA with the given extensions, for the test's own key. */
  async function leafWith(extensions: x509.Extension[]): Promise<Uint8Array> {
    const issuer = new x509.X509Certificate(new Uint8Array(own.authority.certificate)).subject;
    const { publicKey } = own.keys;
    return forge({ subject: "CN=west", issuer, publicKey, signer: authorityKey, extensions });
  }

  /** Dials with a chain, and its leaf as the TLS certificate. @returns the refusal */
  async function dialWith(chain: readonly Uint8Array[], tls = chain[0] ?? new Uint8Array()) {
    return errorOf(dial(own, { assertion: { chain, issuer: uri() }, cf: reported(tls) }));
  }

  it("refuses another name, several names and no name", async () => {
    const site = `spiffe://${west.networkId}/site`;
    const names: Record<string, x509.Extension[]> = {
      none: [],
      "another scheme": [uris(uri().replace("spiffe", "https"))],
      "another network": [uris(`spiffe://${own.networkId.replace(/.$/, "0")}x/site/${west.siteId}`)],
      "no site": [uris(`spiffe://${west.networkId}`)],
      "a link": [uris(`spiffe://${west.networkId}/link/${west.siteId}`)],
      "more behind it": [uris(`${uri()}/x`)],
      "a query": [uris(`${uri()}?x`)],
      "a path that leads elsewhere": [uris(`${site}/../site/${west.siteId}`)],
      "upper case": [uris(uri().toUpperCase())],
      "two names": [uris(uri(), uri())],
      "a host name": [new x509.SubjectAlternativeNameExtension([{ type: "dns", value: uri() }])],
    };
    for (const [title, extensions] of Object.entries(names)) {
      const leaf = await leafWith([noAuthority, clientAuth, ...extensions]);
      const [httpStatus, code] = await dialWith([leaf, own.authority.certificate]);
      expect([title, httpStatus, code]).toEqual([title, 403, expect.stringMatching(/^certificate\./)]);
    }
  });

  it("refuses a certificate of another network", async () => {
    const bank = await createNetwork("bank");
    const leaf = await leafWith([noAuthority, clientAuth, uris(`spiffe://${bank.id}/site/${siteIdOf()}`)]);
    expect(await dialWith([leaf, own.authority.certificate])).toEqual([403, "certificate.wrong_network"]);
  });

  it("refuses a certificate that is not for client authentication", async () => {
    for (const usage of [[], [serverAuth]]) {
      const leaf = await leafWith([noAuthority, ...usage, uris(uri())]);
      expect(await dialWith([leaf, own.authority.certificate])).toEqual([403, "certificate.untrusted"]);
    }
  });

  it("refuses a CA in place of a site", async () => {
    const leaf = await leafWith([authority, clientAuth, uris(uri())]);
    expect(await dialWith([leaf, own.authority.certificate])).toEqual([403, "certificate.untrusted"]);
    for (const chain of [
      [own.authority.certificate, own.authority.certificate],
      [own.authority.certificate, ca.der],
    ]) {
      expect(await dialWith(chain)).toEqual([403, "certificate.untrusted"]);
    }
  });

  it("refuses a chain in another order, a cut chain and a longer chain", async () => {
    const { certificate: leaf } = own.certificate;
    const { certificate: issuer } = own.authority;
    const stranger = (await createSite(await createDeploymentCa())).authority.certificate;
    const chains = [
      [issuer, leaf],
      [leaf],
      [issuer],
      [leaf, leaf],
      [leaf, issuer, issuer],
      [leaf, issuer, ca.der],
      [leaf, issuer, stranger],
      [leaf, stranger],
      [leaf, stranger, issuer],
      [leaf, west.authority.certificate],
    ];
    for (const chain of chains) {
      const [httpStatus, code] = await dialWith(chain, leaf);
      expect([httpStatus, code]).toEqual([403, expect.stringMatching(/^certificate\.(untrusted|mismatch)$/)]);
    }
  });

  it("refuses bytes after a certificate, and another encoding of it", async () => {
    const { certificate: leaf } = own.certificate;
    const longer = new Uint8Array([...leaf, 0]);
    expect(await dialWith([longer, own.authority.certificate])).toEqual([403, "certificate.untrusted"]);
    expect(await dialWith([longer, own.authority.certificate], leaf)).toEqual([403, "certificate.mismatch"]);
  });

  it("refuses a certificate that the registry never issued, though the CA signed it", async () => {
    const { siteId, networkId } = west;
    const publicKey = await spkiOf(own.keys.publicKey);
    const minted = await signSiteCertificate({
      authority: own.authority,
      networkId,
      siteId,
      publicKey,
      now: Date.now(),
    });
    const response = dialWith([minted.certificate, own.authority.certificate]);
    expect(await response).toEqual([403, "certificate.revoked"]);
  });

  it("refuses a certificate of another site without its key", async () => {
    const chain = [west.certificate.certificate, west.authority.certificate];
    const key = (await newKeys()).privateKey;
    const response = dial(west, { assertion: { chain, key }, cf: reported(west.certificate.certificate) });
    expect(await errorOf(response)).toEqual([403, "assertion.invalid"]);
  });

  it("creates no object for a refused certificate", async () => {
    const before = await countObjects();
    const leaf = await leafWith([authority, clientAuth, uris(uri())]);
    await dialWith([leaf, own.authority.certificate]);
    expect(await countObjects()).toEqual(before);
  });
});

describe("an open uplink", () => {
  async function openOperator(): Promise<Operator> {
    return new Operator((await createNetwork("shop")).id);
  }

  it("ends when its site's certificate is revoked, and does not open again", async () => {
    await openOperator();
    const west = await admit("shop", "west");
    const east = await TestUplink.open(await admit("shop", "east"));
    const uplink = await TestUplink.open(west);
    await call("POST", "/v1/networks/shop/sites/west/revoke");
    expect(await uplink.closed).toEqual({ code: 4403, reason: "site.revoked" });
    expect(await errorOf(dial(west))).toEqual([403, "site.revoked"]);
    expect(await errorOf(dial(west, { path: "/v1/lane", assertion: { purpose: "lane" } }))).toEqual([
      401,
      "ticket.missing",
    ]);
    await east.settle();
    expect((await status("shop")).sites.find(({ name }) => name === "east")?.state).toBe("up");
  });

  it("stays open when its link is revoked, which stays down after another dial", async () => {
    await openOperator();
    const west = await admit("shop", "west");
    const uplink = await TestUplink.open(west);
    const links = async () => (await status("shop")).links.map(({ state, code }) => [state, code]);
    expect(await links()).toEqual([["up", undefined]]);
    await call("POST", "/v1/networks/shop/revoke-access", { body: {} });
    expect((await uplink.next("links")).links).toMatchObject([{ state: "down", code: "link.revoked" }]);
    expect(await links()).toEqual([["down", "link.revoked"]]);
    await uplink.settle();
    const again = await TestUplink.dial(west);
    const welcome = await again.greet();
    expect(welcome.links).toMatchObject([{ state: "down", code: "link.revoked" }]);
    expect(await links()).toEqual([["down", "link.revoked"]]);
    expect((await events("shop", "access.revoked")).map(({ actor }) => actor)).toEqual(["admin"]);
  });
});
