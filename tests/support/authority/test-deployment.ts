/** A deployment with one network that signs sites in memory, in place of an edge's API. */
import { randomBytes } from "node:crypto";
import type { Credential } from "../../../connector/edge/credentials/certificates.ts";
import type { EdgeApi } from "../../../connector/site/edge-api.ts";
import * as x509 from "../../../connector/x509.ts";
import type { Admission, Redeem } from "../../../protocol/api/admission.ts";
import { linkUri, siteUri } from "../../../protocol/names.ts";
import { formatClaim } from "../../../protocol/tokens.ts";
import type { Renewal } from "../../../protocol/uplink/messages.ts";
import { makeLeaf, randomId, type TestAuthority, TestNetwork } from "./certificates.ts";

const SIGNATURE = { name: "ECDSA", hash: "SHA-256" } as const;
const DAY_MS = 24 * 3600_000;

export class TestDeployment implements EdgeApi {
  readonly network: TestNetwork;
  readonly site = randomId("site");
  /** Link in the answer to the next redemption; null for none. */
  link: { id: string; name: string; issuer: string } | null = {
    id: randomId("link"),
    name: "first",
    issuer: "network",
  };
  /** Re-issued CA in the answers to renewals. */
  reissuedCa: string | undefined;
  readonly redeemed: Redeem[] = [];
  readonly renewals: string[] = [];
  /** Errors of the next calls, one for each. */
  readonly failures: Error[] = [];
  /** End of the next site certificate, ms since 1970. */
  notAfter = Date.now() + DAY_MS;
  /** Addresses in answers (`links`, `audience`) and in token files (`tokenApi`, `tokenGateway`). */
  links = "https://127.0.0.1:1";
  audience = "https://127.0.0.1:1";
  tokenApi = "https://127.0.0.1:1";
  tokenGateway: string | undefined;
  #csr: Uint8Array<ArrayBuffer> | undefined;

  private constructor(network: TestNetwork) {
    this.network = network;
  }

  /** @param authority deployment CA shared with another network */
  static async create(authority?: TestAuthority): Promise<TestDeployment> {
    return new TestDeployment(await TestNetwork.create(authority));
  }

  get ca(): string {
    return this.network.deployment.certificate;
  }

  /** Makes a server certificate of this deployment. */
  async serverCertificate(name = "127.0.0.1"): Promise<Credential> {
    const keys = this.network.deployment.keys;
    const own = await crypto.subtle.generateKey({ name: "ECDSA", namedCurve: "P-256" }, true, [
      "sign",
      "verify",
    ]);
    const type = /^[\d.]+$/.test(name) ? ("ip" as const) : ("dns" as const);
    const certificate = await x509.X509CertificateGenerator.create({
      serialNumber: randomBytes(16).toString("hex"),
      subject: "CN=test edge",
      issuer: `CN=${this.network.deployment.name}`,
      notBefore: new Date(Date.now() - 60_000),
      notAfter: new Date(Date.now() + DAY_MS),
      publicKey: own.publicKey,
      signingKey: keys.privateKey,
      signingAlgorithm: SIGNATURE,
      extensions: [
        new x509.ExtendedKeyUsageExtension([x509.ExtendedKeyUsage.serverAuth]),
        new x509.SubjectAlternativeNameExtension([{ type, value: name }]),
      ],
    });
    const der = await crypto.subtle.exportKey("pkcs8", own.privateKey);
    return {
      certificate: certificate.toString("pem"),
      privateKey: x509.PemConverter.encode(der, "PRIVATE KEY"),
    };
  }

  tokenFile({ site, network = this.network.id }: { site?: string; network?: string } = {}): string {
    const claim = formatClaim(network, randomId("token"), randomBytes(32));
    const bound = site === undefined ? "" : ` site: ${site},`;
    const ca = this.ca.replaceAll("\n", "\n    ");
    return [
      "apiVersion: fairlead/v1",
      "kind: Token",
      `metadata: { name: ${randomId("token")}, network: shop, issuer: network,${bound} expires: "2027-01-01T00:00:00Z" }`,
      "spec:",
      `  api: ${this.tokenApi}`,
      ...(this.tokenGateway === undefined ? [] : [`  links: ${this.tokenGateway}`]),
      `  claim: ${claim}`,
      "  ca: |",
      `    ${ca}`,
      "",
    ].join("\n");
  }

  async redeem(_api: string, _ca: unknown, request: Redeem): Promise<Admission> {
    const failure = this.failures.shift();
    if (failure) throw failure;
    this.redeemed.push(request);
    this.#csr = Uint8Array.from(Buffer.from(request.csr, "base64"));
    return {
      network: { id: this.network.id, name: "shop" },
      site: { id: this.site, name: request.site },
      ...(await this.#sign()),
      link: this.link && { cost: 1, ...this.link, certificate: await this.linkCertificate(this.link.id) },
      edge: { links: this.links, audience: this.audience },
    };
  }

  async renew(_api: string, _ca: unknown, assertion: string): Promise<Renewal> {
    const failure = this.failures.shift();
    if (failure) throw failure;
    this.renewals.push(assertion);
    return {
      ...(await this.#sign()),
      links: this.link ? [{ id: this.link.id, certificate: await this.linkCertificate(this.link.id) }] : [],
      ca: this.reissuedCa,
    };
  }

  /** Returns the registry's answer to `renew`. */
  renewal() {
    return this.renew("", "", "");
  }

  /** Makes a leaf for another key than the site's. */
  async foreignLeaf(): Promise<string> {
    const leaf = await makeLeaf(this.network.authority, [siteUri(this.network.id, this.site)]);
    return pemToBase64(leaf.certificate);
  }

  /** Makes a link certificate for the site's key, base64 DER. By default it ends with the site certificate. */
  linkCertificate(link: string, notAfter = this.notAfter): Promise<string> {
    return this.#leaf(linkUri(this.network.id, link), notAfter);
  }

  /** Signs the site's key under the network CA. */
  async #sign() {
    return {
      certificate: await this.#leaf(siteUri(this.network.id, this.site), this.notAfter),
      authority: pemToBase64(this.network.authority.certificate),
    };
  }

  async #leaf(uri: string, notAfter: number): Promise<string> {
    const csr = new x509.Pkcs10CertificateRequest(this.#csr ?? new Uint8Array());
    if (!(await csr.verify())) throw new Error("The CSR is not self-signed.");
    const leaf = await x509.X509CertificateGenerator.create({
      serialNumber: randomBytes(16).toString("hex"),
      subject: "CN=site",
      issuer: `CN=${this.network.authority.name}`,
      notBefore: new Date(notAfter - DAY_MS),
      notAfter: new Date(notAfter),
      publicKey: csr.publicKey,
      signingKey: this.network.authority.keys.privateKey,
      signingAlgorithm: SIGNATURE,
      extensions: [
        new x509.ExtendedKeyUsageExtension([
          x509.ExtendedKeyUsage.clientAuth,
          x509.ExtendedKeyUsage.serverAuth,
        ]),
        new x509.SubjectAlternativeNameExtension([{ type: "url", value: uri }]),
      ],
    });
    return Buffer.from(leaf.rawData).toString("base64");
  }
}

export function pemToBase64(pem: string): string {
  return pem.replace(/-----[A-Z ]+-----|\s/g, "");
}
