/** The certificates of a deployment: its CA, and the server certificate of its addresses. */
import { createPrivateKey, randomBytes, webcrypto, X509Certificate } from "node:crypto";
import { isIP } from "node:net";
import * as x509 from "../../x509.ts";

const P256 = { name: "ECDSA", namedCurve: "P-256" } as const;
const SIGNATURE = { name: "ECDSA", hash: "SHA-256" } as const;

const DAY_MS = 24 * 60 * 60 * 1000;

/** Lifetime of a deployment CA, ms: ten years. */
export const DEPLOYMENT_CA_MS = 3653 * DAY_MS;
/** Lifetime of a server certificate, ms. */
export const SERVER_CERTIFICATE_MS = 90 * DAY_MS;

/** How long before its creation a certificate becomes valid, ms, for clocks that are behind. */
const BACKDATED_MS = 5 * 60 * 1000;

/** A certificate and its PKCS #8 private key, both PEM. */
export interface Credential {
  readonly certificate: string;
  readonly privateKey: string;
}

/** The contents of a server certificate. */
export interface ServerCertificateRequest {
  /** DNS names and IP addresses; the first becomes the common name. */
  readonly names: readonly string[];
  readonly authority: Credential;
  /** ms since 1970. */
  readonly now: number;
  /** ms; {@link SERVER_CERTIFICATE_MS} unless given. */
  readonly lifetime?: number | undefined;
}

/** Creates a deployment CA: P-256, self-signed, valid for ten years. */
export async function makeDeploymentAuthority(now: number): Promise<Credential> {
  const keys = await webcrypto.subtle.generateKey(P256, true, ["sign", "verify"]);
  const certificate = await x509.X509CertificateGenerator.createSelfSigned({
    serialNumber: makeSerial(),
    name: "CN=Fairlead deployment CA",
    notBefore: new Date(now - BACKDATED_MS),
    notAfter: new Date(now + DEPLOYMENT_CA_MS),
    keys,
    signingAlgorithm: SIGNATURE,
    extensions: [
      // One level of CAs below: the network CAs.
      new x509.BasicConstraintsExtension(true, 1, true),
      new x509.KeyUsagesExtension(x509.KeyUsageFlags.keyCertSign | x509.KeyUsageFlags.cRLSign, true),
      await x509.SubjectKeyIdentifierExtension.create(keys.publicKey),
    ],
  });
  return { certificate: pem(certificate), privateKey: await exportKey(keys.privateKey) };
}

/** Creates a server certificate with a new key, signed by the deployment CA. */
export async function makeServerCertificate(request: ServerCertificateRequest): Promise<Credential> {
  const { authority, names, now } = request;
  const lifetime = request.lifetime ?? SERVER_CERTIFICATE_MS;
  const issuer = new x509.X509Certificate(authority.certificate);
  const keys = await webcrypto.subtle.generateKey(P256, true, ["sign", "verify"]);
  const certificate = await x509.X509CertificateGenerator.create({
    serialNumber: makeSerial(),
    subject: "CN=Fairlead edge",
    issuer: issuer.subject,
    notBefore: new Date(now - Math.min(BACKDATED_MS, lifetime / 10)),
    notAfter: new Date(now + lifetime),
    signingKey: await importKey(authority.privateKey),
    publicKey: keys.publicKey,
    signingAlgorithm: SIGNATURE,
    extensions: [
      new x509.BasicConstraintsExtension(false, undefined, true),
      new x509.KeyUsagesExtension(x509.KeyUsageFlags.digitalSignature, true),
      new x509.ExtendedKeyUsageExtension([x509.ExtendedKeyUsage.serverAuth]),
      new x509.SubjectAlternativeNameExtension(
        names.map((name) => ({ type: isIP(name) === 0 ? ("dns" as const) : ("ip" as const), value: name })),
      ),
      await x509.SubjectKeyIdentifierExtension.create(keys.publicKey),
      await x509.AuthorityKeyIdentifierExtension.create(issuer),
    ],
  });
  return { certificate: pem(certificate), privateKey: await exportKey(keys.privateKey) };
}

/** The validity period of a certificate, and its names. */
export interface Validity {
  /** ms since 1970. */
  readonly notBefore: number;
  readonly notAfter: number;
  /** DNS names and IP addresses of the SAN, in its order. */
  readonly names: readonly string[];
}

/** Reads the validity of a PEM certificate; null when it is no certificate. */
export function readValidity(certificate: string): Validity | null {
  try {
    const read = new x509.X509Certificate(certificate);
    const names = read.getExtension(x509.SubjectAlternativeNameExtension)?.names.items ?? [];
    return {
      notBefore: read.notBefore.getTime(),
      notAfter: read.notAfter.getTime(),
      names: names.map((name) => name.value),
    };
  } catch {
    return null;
  }
}

/** Whether a private key is the key of its certificate; false when either is malformed. */
export function belongTogether(credential: Credential): boolean {
  try {
    return new X509Certificate(credential.certificate).checkPrivateKey(
      createPrivateKey(credential.privateKey),
    );
  } catch {
    return false;
  }
}

/** Whether an authority signed a certificate (both PEM); false when either is malformed. */
export function isSignedBy(certificate: string, authority: string): boolean {
  try {
    return new X509Certificate(certificate).verify(new X509Certificate(authority).publicKey);
  } catch {
    return false;
  }
}

/** A random serial number of 16 bytes, positive and without a leading zero, lower-case hex. */
function makeSerial(): string {
  const bytes = randomBytes(16);
  bytes[0] = ((bytes[0] ?? 0) & 0x7f) | 0x40;
  return bytes.toString("hex");
}

function pem(certificate: x509.X509Certificate): string {
  return `${certificate.toString("pem")}\n`;
}

async function exportKey(key: webcrypto.CryptoKey): Promise<string> {
  const der = Buffer.from(await webcrypto.subtle.exportKey("pkcs8", key));
  return String(
    createPrivateKey({ key: der, format: "der", type: "pkcs8" }).export({ type: "pkcs8", format: "pem" }),
  );
}

async function importKey(privateKey: string): Promise<webcrypto.CryptoKey> {
  const der = createPrivateKey(privateKey).export({ type: "pkcs8", format: "der" });
  return webcrypto.subtle.importKey("pkcs8", der, P256, false, ["sign"]);
}
