import { env } from "cloudflare:workers";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { NetworkCa } from "../../../protocol/api/networks.ts";
import type { KeyPair } from "../../../workers/authority/keys.ts";
import { readPem } from "../../../workers/authority/keys.ts";
import { EKU, readCertificate } from "../../../workers/authority/x509.ts";
import { unwrap } from "../../../workers/result.ts";
import { createCsr, DAY, newKeys, x509 } from "../../support/authority/test-site.ts";
import { call, createKey, dial, errorOf, expectAnswer, reported } from "../../support/workerd/client.ts";
import { admit, events, type Member, offer, type TestUplink } from "../../support/workerd/member.ts";
import { closeShop, openBusyShop } from "../../support/workerd/shop.ts";

let west: Member;
let consumer: TestUplink;
let provider: TestUplink;
let keys: KeyPair;
let csr: Uint8Array;

beforeEach(async () => {
  ({ west, consumer, provider } = await openBusyShop());
  keys = await newKeys();
  csr = await createCsr(keys);
});
afterEach(closeShop);

/** A certificate that the registry signed. @throws Error when it refused */
async function signed(uplink = consumer, service = "api", domain?: string): Promise<Uint8Array> {
  const answer = await uplink.certificate(service, csr, domain);
  if (typeof answer === "string") throw new Error(answer);
  return answer;
}

const networkCa = (key?: string) =>
  expectAnswer(NetworkCa, call("GET", "/v1/networks/shop/ca", key === undefined ? {} : { key }));

describe("a certificate for a service", () => {
  it("has the service's DNS names, is for servers alone, and is valid for a day", async () => {
    const der = await signed();
    const leaf = new x509.X509Certificate(new Uint8Array(der));
    const names = leaf.getExtension(x509.SubjectAlternativeNameExtension)?.names.toJSON();
    expect(names).toEqual([
      { type: "dns", value: "api" },
      { type: "dns", value: "api.shop.internal" },
    ]);
    const read = readCertificate(der);
    expect(read?.extendedKeyUsages).toEqual([EKU.serverAuth]);
    expect(read?.isAuthority).toBe(false);
    const life = (read?.notAfter ?? 0) - (read?.notBefore ?? 0);
    expect(life).toBeGreaterThan(DAY);
    expect(life).toBeLessThanOrEqual(DAY + 5 * 60_000);
    expect(leaf.subject).toBe("CN=api");
  });

  it("is given to sites that see the service, and to sites that offer it", async () => {
    await signed(consumer);
    await signed(provider);
    const text = (await events("shop", "certificate.issued")).map(({ text }) => text);
    expect(text).toEqual([
      "Site west got a certificate for service api: api, api.shop.internal.",
      "Site east got a certificate for service api: api, api.shop.internal.",
    ]);
  });

  it("is refused to sites that neither see nor offer the service", async () => {
    expect(await consumer.certificate("other", csr)).toBe("service.unknown");
    provider.send({ type: "offers", offers: [{ ...offer("api"), to: ["nobody"] }] });
    await provider.settle();
    expect(await consumer.certificate("api", csr)).toBe("service.unknown");
    await signed(provider);
  });

  it("is refused once the links between the sites are gone", async () => {
    await signed();
    unwrap(await env.REGISTRY.getByName(west.networkId).revokeAccess({ all: true }, "ops"));
    expect(await consumer.certificate("api", csr)).toBe("service.unknown");
  });

  it("can be for a domain of the network below internal, and for no other", async () => {
    const leaf = new x509.X509Certificate(
      new Uint8Array(await signed(consumer, "api", "shop.corp.internal")),
    );
    expect(leaf.getExtension(x509.SubjectAlternativeNameExtension)?.names.toJSON()[1]?.value).toBe(
      "api.shop.corp.internal",
    );
    for (const domain of [
      ...["example.com", "shop.example.com", "bank.internal", "internal", "shop.internal.example.com"],
      ...[
        "shop",
        "shop..internal",
        "shop.*.internal",
        "Shop.internal",
        "corp.shop.internal",
        "",
        "shop.internal.",
      ],
    ]) {
      expect([domain, await consumer.certificate("api", csr, domain)]).toEqual([
        domain,
        "certificate.domain",
      ]);
    }
  });

  it("needs a request that is signed by its own P-256 key", async () => {
    expect(await consumer.certificate("api", new Uint8Array([1, 2, 3]))).toBe("csr.invalid");
    const forged = csr.slice();
    forged[forged.length - 1] = (forged.at(-1) ?? 0) ^ 1;
    expect(await consumer.certificate("api", forged)).toBe("csr.invalid");
  });

  it("proves no site to the gateway and to the API", async () => {
    const der = new Uint8Array(await signed());
    const impostor = { ...west, keys, certificate: { ...west.certificate, certificate: der } };
    const chain = [der, west.authority.certificate];
    const uri = `spiffe://${west.networkId}/site/${west.siteId}`;
    const refused = [403, "certificate.untrusted"];
    expect(await errorOf(dial(impostor, { assertion: { chain, issuer: uri }, cf: reported(der) }))).toEqual(
      refused,
    );
    // With the genuine TLS certificate beside it.
    const genuine = west.certificate.certificate;
    expect(
      await errorOf(dial(impostor, { assertion: { chain, issuer: uri }, cf: reported(genuine) })),
    ).toEqual([403, expect.stringMatching(/^certificate\./)]);
  });
});

describe("the CA of a network for clients", () => {
  it("is self-signed, and verifies the certificates of this network alone", async () => {
    const { network, certificate, expiresAt } = await networkCa(await createKey("viewer", ["shop"]));
    expect(network).toBe("shop");
    const root = readCertificate(readPem(certificate));
    const leaf = readCertificate(await signed());
    if (root === null || leaf === null) throw new Error("A certificate cannot be read.");
    expect(root.issuer).toBe(root.subject);
    expect(await root.isSignedBy(root)).toBe(true);
    expect(root.isAuthority && root.maySignCertificates).toBe(true);
    expect(new Date(expiresAt).getTime()).toBe(root.notAfter);
    expect(leaf.issuer).toBe(root.subject);
    expect(await leaf.isSignedBy(root)).toBe(true);
    const { certificate: other } = await expectAnswer(NetworkCa, otherNetwork());
    const stranger = readCertificate(readPem(other));
    expect(stranger && (await leaf.isSignedBy(stranger))).toBe(false);
  });

  it("is no CA of sites: a chain with it is refused", async () => {
    const { certificate } = await networkCa();
    const chain = [west.certificate.certificate, readPem(certificate)];
    expect(await errorOf(dial(west, { assertion: { chain } }))).toEqual([403, "certificate.untrusted"]);
  });
});

async function otherNetwork(): Promise<Response> {
  await call("POST", "/v1/networks", { body: { name: "bank" } });
  await admit("bank", "west");
  return call("GET", "/v1/networks/bank/ca");
}
