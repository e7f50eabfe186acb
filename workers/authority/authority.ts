/**
 * The CAs of a network: its own CA, signed by the deployment CA, and the CAs of its issuers of tokens. P-256
 * and DER; times in ms since 1970. A CA that nears its expiry is issued again for the same key, so its
 * signatures stay valid.
 */
import { FairleadError } from "../../protocol/errors.ts";
import { BACKDATE_MS, makeCertificate, makeName } from "./certificate-writer.ts";
import { networkUri } from "./chain.ts";
import {
  type Bytes,
  exportPrivateKey,
  exportPublicKey,
  generateKeyPair,
  importPrivateKey,
  type Key,
  readPem,
} from "./keys.ts";
import { type Certificate, keyIdOf, readCertificate, readDeploymentCa, subjectKeyIdOf } from "./x509.ts";

/** Lifetime of a CA, ms. */
const AUTHORITY_MS = 3650 * 24 * 3600 * 1000;

/** A CA: its certificate and its private key (PKCS #8), both DER. */
export interface Authority {
  readonly certificate: Bytes;
  readonly privateKey: Bytes;
}

/** The deployment CA and its private key, PEM. */
interface Deployment {
  readonly deploymentCa: string;
  readonly deploymentCaKey: string;
}

/** Creates the CA of a network. It can sign leaves only, and expires with the deployment CA at the latest. */
export async function createNetworkAuthority(
  options: Deployment & { networkId: string; now: number },
): Promise<Authority> {
  const keys = await generateKeyPair();
  return {
    certificate: await networkCertificate(options, await exportPublicKey(keys.publicKey)),
    privateKey: await exportPrivateKey(keys.privateKey),
  };
}

/**
 * Creates the self-signed CA of an issuer. Only the registry verifies the link certificates that it signs.
 */
export async function createIssuerAuthority(options: { name: string; now: number }): Promise<Authority> {
  const keys = await generateKeyPair();
  return {
    certificate: await issuerCertificate(
      makeName({ common: `Fairlead issuer ${options.name}` }),
      { spki: await exportPublicKey(keys.publicKey), privateKey: keys.privateKey },
      options.now,
    ),
    privateKey: await exportPrivateKey(keys.privateKey),
  };
}

/** Issues the certificate of a network CA again, for the same key. */
export async function renewNetworkAuthority(
  options: Deployment & { networkId: string; certificate: Bytes; now: number },
): Promise<Bytes> {
  return networkCertificate(options, read(options.certificate).spki);
}

/**
 * Makes the self-signed form of a network CA: the same name, key and expiry. Clients of listeners trust it. They verify
 * the certificates of services with it without trusting the deployment CA, which signs the CAs of other networks too.
 */
export async function makeNetworkRoot({
  networkId,
  certificate,
  privateKey,
}: Authority & { networkId: string }): Promise<Bytes> {
  const { subjectName, spki, notBefore, notAfter } = read(certificate);
  const root = await makeCertificate(
    { kind: "authority", subject: subjectName, spki, notBefore, notAfter, uri: networkUri(networkId) },
    { name: subjectName, keyId: await keyIdOf(spki), privateKey: await importPrivateKey(privateKey) },
  );
  return root.certificate;
}

/** Issues the certificate of an issuer CA again, for the same key. */
export async function renewIssuerAuthority({
  certificate,
  privateKey,
  now,
}: Authority & { now: number }): Promise<Bytes> {
  const { subjectName, spki } = read(certificate);
  return issuerCertificate(subjectName, { spki, privateKey: await importPrivateKey(privateKey) }, now);
}

/**
 * Whether a CA should be issued again: less than a third of its lifetime is left, and a new certificate would
 * expire later.
 * @param deploymentCa the CA that signs a network CA, PEM; none for an issuer CA
 */
export function nearsExpiry(certificate: Bytes, now: number, deploymentCa?: string): boolean {
  const { notBefore, notAfter } = read(certificate);
  if (now < notAfter - (notAfter - notBefore) / 3) return false;
  return deploymentCa === undefined || expiryUnder(deploymentCa, now) > notAfter + BACKDATE_MS;
}

function expiryUnder(deploymentCa: string, now: number): number {
  return Math.min(now + AUTHORITY_MS, readDeploymentCa(deploymentCa).notAfter);
}

async function networkCertificate(
  { networkId, deploymentCa, deploymentCaKey, now }: Deployment & { networkId: string; now: number },
  spki: Uint8Array,
): Promise<Bytes> {
  const parent = readDeploymentCa(deploymentCa);
  const { certificate } = await makeCertificate(
    {
      kind: "authority",
      subject: makeName({ common: `Fairlead network ${networkId}` }),
      spki,
      notBefore: now - BACKDATE_MS,
      notAfter: expiryUnder(deploymentCa, now),
      uri: networkUri(networkId),
    },
    {
      name: parent.subjectName,
      keyId: await subjectKeyIdOf(parent),
      privateKey: await importPrivateKey(readPem(deploymentCaKey)),
    },
  );
  return certificate;
}

/** @param name DER */
async function issuerCertificate(
  name: Bytes,
  { spki, privateKey }: { spki: Uint8Array; privateKey: Key },
  now: number,
): Promise<Bytes> {
  const { certificate } = await makeCertificate(
    {
      kind: "authority",
      subject: name,
      spki,
      notBefore: now - BACKDATE_MS,
      notAfter: now + AUTHORITY_MS,
    },
    { name, keyId: await keyIdOf(spki), privateKey },
  );
  return certificate;
}

function read(der: Bytes): Certificate {
  const certificate = readCertificate(der);
  if (certificate === null) throw new FairleadError("edge.internal", "A CA of the network is damaged.");
  return certificate;
}
