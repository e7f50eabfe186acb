/** Certificates for tests: deployment CAs, network CAs under them, and site certificates, good and bad. P-256, PEM. */
import "reflect-metadata";
import { randomBytes, webcrypto } from "node:crypto";
import * as x509 from "@peculiar/x509";
import { ID_BYTES, type IdKind, makeId } from "../../../protocol/ids.ts";
import { siteUri } from "../../../protocol/names.ts";

const { subtle } = webcrypto;
const CURVE = { name: "ECDSA", namedCurve: "P-256" } as const;
const SIGNATURE = { name: "ECDSA", hash: "SHA-256" } as const;
const DAY_MS = 24 * 3600 * 1000;
const { KeyUsageFlags: Usage, ExtendedKeyUsage } = x509;

export interface TestAuthority {
  /** PEM. */
  certificate: string;
  name: string;
  keys: CryptoKeyPair;
}

export interface TestLeaf {
  /** PEM of the leaf alone. */
  certificate: string;
  /** PEM, PKCS #8. */
  key: string;
}

type CryptoKeyPair = Awaited<ReturnType<typeof newKeys>>;

const newKeys = () => subtle.generateKey(CURVE, true, ["sign", "verify"]);

/** Returns a random id of a kind. */
export function randomId(kind: IdKind): string {
  return makeId(kind, randomBytes(ID_BYTES));
}

/** Makes a CA, self-signed unless it has an issuer. `keys` gives it the keys of an existing CA. */
export async function makeAuthority(
  name: string,
  issuer?: TestAuthority,
  { keys: given, days = 1 }: { keys?: CryptoKeyPair; days?: number } = {},
): Promise<TestAuthority> {
  const keys = given ?? (await newKeys());
  const certificate = await x509.X509CertificateGenerator.create({
    serialNumber: randomBytes(16).toString("hex"),
    subject: `CN=${name}`,
    issuer: `CN=${issuer?.name ?? name}`,
    notBefore: new Date(Date.now() - 300_000),
    notAfter: new Date(Date.now() + days * DAY_MS),
    publicKey: keys.publicKey,
    signingKey: (issuer?.keys ?? keys).privateKey,
    signingAlgorithm: SIGNATURE,
    extensions: [
      new x509.BasicConstraintsExtension(true, issuer === undefined ? undefined : 0, true),
      new x509.KeyUsagesExtension(Usage.keyCertSign | Usage.cRLSign, true),
      await x509.SubjectKeyIdentifierExtension.create(keys.publicKey),
      await x509.AuthorityKeyIdentifierExtension.create((issuer?.keys ?? keys).publicKey),
    ],
  });
  return { certificate: `${certificate.toString("pem")}\n`, name, keys };
}

/**
 * Makes a leaf with URIs in its SAN. An `expired` leaf ended an hour ago. With DNS names, it is for servers alone, as the
 * certificate of a service.
 */
export async function makeLeaf(
  issuer: Pick<TestAuthority, "name" | "keys">,
  uris: string[],
  options: { expired?: boolean; dnsNames?: readonly string[] } = {},
): Promise<TestLeaf & { keys: CryptoKeyPair }> {
  const keys = await newKeys();
  const { dnsNames = [] } = options;
  const end = options.expired === true ? Date.now() - 3_600_000 : Date.now() + DAY_MS;
  const certificate = await x509.X509CertificateGenerator.create({
    serialNumber: randomBytes(16).toString("hex"),
    subject: "CN=site",
    issuer: `CN=${issuer.name}`,
    notBefore: new Date(end - DAY_MS - 300_000),
    notAfter: new Date(end),
    publicKey: keys.publicKey,
    signingKey: issuer.keys.privateKey,
    signingAlgorithm: SIGNATURE,
    extensions: [
      new x509.BasicConstraintsExtension(false, undefined, true),
      new x509.KeyUsagesExtension(Usage.digitalSignature, true),
      new x509.ExtendedKeyUsageExtension(
        dnsNames.length > 0
          ? [ExtendedKeyUsage.serverAuth]
          : [ExtendedKeyUsage.clientAuth, ExtendedKeyUsage.serverAuth],
      ),
      new x509.SubjectAlternativeNameExtension([
        ...uris.map((value) => ({ type: "url" as const, value })),
        ...dnsNames.map((value) => ({ type: "dns" as const, value })),
      ]),
      await x509.AuthorityKeyIdentifierExtension.create(issuer.keys.publicKey),
    ],
  });
  const der = await subtle.exportKey("pkcs8", keys.privateKey);
  return {
    certificate: `${certificate.toString("pem")}\n`,
    key: x509.PemConverter.encode(der, "PRIVATE KEY"),
    keys,
  };
}

/** A network: its id, its CA under a deployment CA, and identities of its sites. */
export class TestNetwork {
  readonly id = randomId("network");
  readonly deployment: TestAuthority;
  readonly authority: TestAuthority;

  private constructor(deployment: TestAuthority, authority: TestAuthority) {
    this.deployment = deployment;
    this.authority = authority;
  }

  /** @param deployment CA shared by the networks of one deployment */
  static async create(deployment?: TestAuthority): Promise<TestNetwork> {
    const root = deployment ?? (await makeAuthority("test deployment CA"));
    return new TestNetwork(root, await makeAuthority(`test network ${randomId("network")}`, root));
  }

  /** Makes the identity of a site in the form of the connector's SessionIdentity. */
  async identity(site = randomId("site"), options: { expired?: boolean } = {}) {
    const leaf = await makeLeaf(this.authority, [siteUri(this.id, site)], options);
    return {
      network: this.id,
      site,
      certificate: leaf.certificate + this.authority.certificate,
      key: leaf.key,
      authority: this.authority.certificate,
    };
  }
}
