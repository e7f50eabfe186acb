/**
 * The CAs of a network: its own under the deployment CA, and those of its issuers of tokens. All P-256 and DER; times
 * in ms since 1970. One that nears its end is issued again for the same key: what it signed stays good.
 */
import { FairleadError } from "../../protocol/errors.ts";
import { networkUri } from "./chain.ts";
import {
  type Bytes,
  ECDSA_SHA256,
  exportPrivateKey,
  generateKeyPair,
  importPrivateKey,
  importPublicKey,
  type Key,
  readPem,
} from "./keys.ts";
import { BACKDATE_MS, type Certificate, newSerial, readCertificate, readDeploymentCa, x509 } from "./x509.ts";

/** How long a CA lives. */
const AUTHORITY_MS = 3650 * 24 * 3600 * 1000;

/** A CA: its certificate and its private key (PKCS #8), both DER. */
export interface Authority {
  readonly certificate: Bytes;
  readonly privateKey: Bytes;
}

/** The deployment CA and its private key, PEMs. */
interface Deployment {
  readonly deploymentCa: string;
  readonly deploymentCaKey: string;
}

/** Makes a network's CA under the deployment CA. It can sign leaves only, and ends with its parent. */
export async function createNetworkAuthority(
  options: Deployment & { networkId: string; now: number },
): Promise<Authority> {
  const keys = await generateKeyPair();
  return {
    certificate: await networkCertificate(options, keys.publicKey),
    privateKey: await exportPrivateKey(keys.privateKey),
  };
}

/** Makes a self-signed issuer CA, which signs link certificates that only the registry verifies. */
export async function createIssuerAuthority(options: { name: string; now: number }): Promise<Authority> {
  const keys = await generateKeyPair();
  return {
    certificate: await issuerCertificate(`CN=Fairlead issuer ${options.name}`, keys, options.now),
    privateKey: await exportPrivateKey(keys.privateKey),
  };
}

/** A network CA's certificate issued again for the same key, from now. */
export async function renewNetworkAuthority(
  options: Deployment & { networkId: string; certificate: Bytes; now: number },
): Promise<Bytes> {
  const { spki } = read(options.certificate);
  return networkCertificate(options, await importPublicKey(spki));
}

/** An issuer CA's certificate issued again for the same key, from now. */
export async function renewIssuerAuthority({
  certificate,
  privateKey,
  now,
}: Authority & { now: number }): Promise<Bytes> {
  const { subject, spki } = read(certificate);
  const keys = { publicKey: await importPublicKey(spki), privateKey: await importPrivateKey(privateKey) };
  return issuerCertificate(subject, keys, now);
}

/**
 * Whether a CA should be issued again: less than a third of its life is left, and a new one would live longer.
 * @param deploymentCa PEM of its parent, with which it ends; none for an issuer's
 */
export function nearsEnd(certificate: Bytes, now: number, deploymentCa?: string): boolean {
  const { notBefore, notAfter } = read(certificate);
  if (now < notAfter - (notAfter - notBefore) / 3) return false;
  return deploymentCa === undefined || endUnder(deploymentCa, now) > notAfter + BACKDATE_MS;
}

function endUnder(deploymentCa: string, now: number): number {
  return Math.min(now + AUTHORITY_MS, readDeploymentCa(deploymentCa).notAfter);
}

async function networkCertificate(
  { networkId, deploymentCa, deploymentCaKey, now }: Deployment & { networkId: string; now: number },
  publicKey: Key,
): Promise<Bytes> {
  const parent = readDeploymentCa(deploymentCa);
  const certificate = await x509.X509CertificateGenerator.create({
    serialNumber: newSerial(),
    subject: `CN=Fairlead network ${networkId}`,
    issuer: parent.subject,
    notBefore: new Date(now - BACKDATE_MS),
    notAfter: new Date(endUnder(deploymentCa, now)),
    publicKey,
    signingKey: await importPrivateKey(readPem(deploymentCaKey)),
    signingAlgorithm: ECDSA_SHA256,
    extensions: [
      ...authorityExtensions(),
      new x509.SubjectAlternativeNameExtension([{ type: "url", value: networkUri(networkId) }]),
      await x509.SubjectKeyIdentifierExtension.create(publicKey),
      await x509.AuthorityKeyIdentifierExtension.create(await importPublicKey(parent.spki)),
    ],
  });
  return new Uint8Array(certificate.rawData);
}

async function issuerCertificate(
  name: string,
  keys: { publicKey: Key; privateKey: Key },
  now: number,
): Promise<Bytes> {
  const certificate = await x509.X509CertificateGenerator.createSelfSigned({
    serialNumber: newSerial(),
    name,
    notBefore: new Date(now - BACKDATE_MS),
    notAfter: new Date(now + AUTHORITY_MS),
    keys,
    signingAlgorithm: ECDSA_SHA256,
    extensions: [...authorityExtensions(), await x509.SubjectKeyIdentifierExtension.create(keys.publicKey)],
  });
  return new Uint8Array(certificate.rawData);
}

function authorityExtensions(): x509.Extension[] {
  return [
    new x509.BasicConstraintsExtension(true, 0, true),
    new x509.KeyUsagesExtension(x509.KeyUsageFlags.keyCertSign | x509.KeyUsageFlags.cRLSign, true),
  ];
}

function read(der: Bytes): Certificate {
  const certificate = readCertificate(der);
  if (certificate === null) throw new FairleadError("edge.internal", "A CA of the network is damaged.");
  return certificate;
}
