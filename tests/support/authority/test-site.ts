/** Certificates and assertions for tests, good and bad. */
import "reflect-metadata";
import * as x509 from "@peculiar/x509";
import { SignJWT } from "jose";
import { encodeBase64 } from "../../../protocol/encoding.ts";
import { makeId } from "../../../protocol/ids.ts";
import { audienceFor, type Purpose } from "../../../protocol/uplink/assertions.ts";
import { type Authority, createNetworkAuthority } from "../../../workers/authority/authority.ts";
import { type IssuedCertificate, signSiteCertificate } from "../../../workers/authority/certificates.ts";
import type { Bytes, Key, KeyPair } from "../../../workers/authority/keys.ts";

/** The library with which tests forge certificates and compare results. */
export { x509 };

export const AUDIENCE = "https://edge.test";
export const P256 = { name: "ECDSA", namedCurve: "P-256", hash: "SHA-256" } as const;
export const DAY = 24 * 3600 * 1000;

export const random = (): Uint8Array => crypto.getRandomValues(new Uint8Array(16));
export const networkIdOf = () => makeId("network", random());
export const siteIdOf = () => makeId("site", random());
export const bootIdOf = () => makeId("boot", random());
export const linkIdOf = () => makeId("link", random());

export interface DeploymentCa {
  /** PEM */
  readonly certificate: string;
  /** PKCS #8 PEM */
  readonly key: string;
  readonly keys: KeyPair;
  readonly der: Bytes;
}

export async function newKeys(): Promise<KeyPair> {
  const keys = await crypto.subtle.generateKey(P256, true, ["sign", "verify"]);
  if (!("privateKey" in keys)) throw new TypeError("The key is no key pair.");
  return keys;
}

/** Makes a deployment CA as the embedded edge does. */
export async function createDeploymentCa(name = "CN=Fairlead deployment CA"): Promise<DeploymentCa> {
  const keys = await newKeys();
  const certificate = await x509.X509CertificateGenerator.createSelfSigned({
    name,
    keys,
    notBefore: new Date(Date.now() - DAY),
    notAfter: new Date(Date.now() + 3650 * DAY),
    signingAlgorithm: P256,
    extensions: [
      new x509.BasicConstraintsExtension(true, undefined, true),
      new x509.KeyUsagesExtension(x509.KeyUsageFlags.keyCertSign | x509.KeyUsageFlags.cRLSign, true),
    ],
  });
  const pkcs8 = await crypto.subtle.exportKey("pkcs8", keys.privateKey);
  return {
    certificate: certificate.toString("pem"),
    key: x509.PemConverter.encode(pkcs8 as ArrayBuffer, "PRIVATE KEY"),
    keys,
    der: new Uint8Array(certificate.rawData),
  };
}

/** Returns the SubjectPublicKeyInfo of a key, DER. */
export async function spkiOf(key: Key): Promise<Bytes> {
  return new Uint8Array((await crypto.subtle.exportKey("spki", key)) as ArrayBuffer);
}

/** Makes a certificate request as a connector does, DER. */
export async function createCsr(keys: KeyPair): Promise<Bytes> {
  const csr = await x509.Pkcs10CertificateRequestGenerator.create({
    name: "CN=site",
    keys,
    signingAlgorithm: P256,
  });
  return new Uint8Array(csr.rawData);
}

/** A joined site: its ids, keys, certificate and network CA. */
export interface TestSite {
  readonly networkId: string;
  readonly siteId: string;
  readonly keys: KeyPair;
  readonly certificate: IssuedCertificate;
  readonly authority: Authority;
}

export async function createSite(
  deploymentCa: DeploymentCa,
  options: { now?: number; networkId?: string; authority?: Authority } = {},
): Promise<TestSite> {
  const now = options.now ?? Date.now();
  const networkId = options.networkId ?? networkIdOf();
  const authority =
    options.authority ??
    (await createNetworkAuthority({
      networkId,
      deploymentCa: deploymentCa.certificate,
      deploymentCaKey: deploymentCa.key,
      now,
    }));
  const keys = await newKeys();
  const siteId = siteIdOf();
  const publicKey = await spkiOf(keys.publicKey);
  const certificate = await signSiteCertificate({ authority, networkId, siteId, publicKey, now });
  return { networkId, siteId, keys, certificate, authority };
}

/** Parts of an assertion. A missing part has a valid default. */
export interface AssertionParts {
  readonly purpose?: Purpose;
  readonly audience?: string;
  readonly now?: number;
  readonly seconds?: number;
  readonly jti?: string;
  readonly issuer?: string;
  readonly chain?: readonly Uint8Array[];
  readonly key?: Key;
}

export async function createAssertion(site: TestSite, parts: AssertionParts = {}): Promise<string> {
  const iat = Math.floor((parts.now ?? Date.now()) / 1000);
  const chain = parts.chain ?? [site.certificate.certificate, site.authority.certificate];
  return new SignJWT({})
    .setProtectedHeader({ alg: "ES256", x5c: chain.map(encodeBase64) })
    .setIssuer(parts.issuer ?? `spiffe://${site.networkId}/site/${site.siteId}`)
    .setAudience(parts.audience ?? audienceFor(AUDIENCE, parts.purpose ?? "uplink"))
    .setIssuedAt(iat)
    .setExpirationTime(iat + (parts.seconds ?? 60))
    .setJti(parts.jti ?? `${bootIdOf()}.1`)
    .sign(parts.key ?? site.keys.privateKey);
}

/** Makes any certificate, signed by `signer`. */
export async function forge(options: {
  subject: string;
  issuer: string;
  publicKey: Key;
  signer: Key;
  notBefore?: number;
  notAfter?: number;
  extensions: x509.Extension[];
}): Promise<Bytes> {
  const certificate = await x509.X509CertificateGenerator.create({
    subject: options.subject,
    issuer: options.issuer,
    notBefore: new Date(options.notBefore ?? Date.now() - 60_000),
    notAfter: new Date(options.notAfter ?? Date.now() + DAY),
    publicKey: options.publicKey,
    signingKey: options.signer,
    signingAlgorithm: P256,
    extensions: options.extensions,
  });
  return new Uint8Array(certificate.rawData);
}

export const uris = (...values: string[]): x509.Extension =>
  new x509.SubjectAlternativeNameExtension(values.map((value) => ({ type: "url" as const, value })));

/** Returns the code of the FairleadError with which `attempt` fails, or "none" when it succeeds. */
export async function codeOf(attempt: Promise<unknown>): Promise<string> {
  try {
    await attempt;
    return "none";
  } catch (thrown) {
    if (thrown instanceof Error && "code" in thrown) return String(thrown.code);
    throw thrown;
  }
}
