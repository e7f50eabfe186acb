/**
 * Certificates of another age for a site: of the same key and serial number, signed by the deployment CA's key, which
 * a test has from the edge's state directory. Time passes for real here; the certificates are what is older.
 */
import { createPrivateKey, webcrypto, X509Certificate } from "node:crypto";
import { readdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import * as x509 from "../../../connector/authority/x509.ts";
import type { Edge } from "../../support/cluster.ts";

const { subtle } = webcrypto;
const CURVE = { name: "ECDSA", namedCurve: "P-256" } as const;
const SIGNATURE = { name: "ECDSA", hash: "SHA-256" } as const;
const DAY_MS = 24 * 3600_000;

/** From when to when, ms from now. */
export interface Age {
  readonly from: number;
  readonly to: number;
}

/** A network CA of this test's own making, as whoever holds the deployment CA's key could make one. */
export interface Forge {
  readonly networkId: string;
  readonly authority: x509.X509Certificate;
  readonly key: webcrypto.CryptoKey;
}

export async function openForge(edge: Edge, networkId: string): Promise<Forge> {
  const pem = await readFile(join(edge.stateDir, "ca-key.pem"), "utf8");
  const der = createPrivateKey(pem).export({ type: "pkcs8", format: "der" });
  const signingKey = await subtle.importKey("pkcs8", der, CURVE, false, ["sign"]);
  const keys = await subtle.generateKey(CURVE, true, ["sign", "verify"]);
  const authority = await x509.X509CertificateGenerator.create({
    serialNumber: "0f",
    subject: `CN=Fairlead network ${networkId}`,
    issuer: new x509.X509Certificate(edge.ca).subject,
    notBefore: new Date(Date.now() - 400 * DAY_MS),
    notAfter: new Date(Date.now() + 400 * DAY_MS),
    publicKey: keys.publicKey,
    signingKey,
    signingAlgorithm: SIGNATURE,
    extensions: [
      new x509.BasicConstraintsExtension(true, 0, true),
      new x509.KeyUsagesExtension(x509.KeyUsageFlags.keyCertSign | x509.KeyUsageFlags.cRLSign, true),
      new x509.SubjectAlternativeNameExtension([{ type: "url", value: `spiffe://${networkId}` }]),
    ],
  });
  return { networkId, authority, key: keys.privateKey };
}

/** Gives a site whose connector does not run a certificate of that age. */
export async function age(stateDir: string, forge: Forge, lived: Age): Promise<void> {
  const path = join(stateDir, "certificate.pem");
  const real = new X509Certificate(await readFile(path));
  const leaf = await copyOf(real, forge, lived);
  await writeFile(path, `${leaf.toString("pem")}\n${forge.authority.toString("pem")}\n`);
}

/** The same for the certificates of its links where the registry keeps them, at an edge that does not run. */
export async function ageLinks(edge: Edge, site: string, forge: Forge, lived: Age): Promise<void> {
  const objects = join(edge.stateDir, "objects");
  const names = await readdir(objects, { recursive: true });
  let changed = 0;
  for (const name of names.filter((each) => each.endsWith(".sqlite"))) {
    const database = new DatabaseSync(join(objects, name));
    try {
      if (!database.prepare("SELECT 1 FROM sqlite_master WHERE name = 'links'").get()) continue;
      const rows = database.prepare("SELECT id, certificate FROM links WHERE joiner = ?").all(site);
      for (const { id, certificate } of rows) {
        if (typeof id !== "string" || !(certificate instanceof Uint8Array)) throw new Error("another form");
        const aged = await copyOf(new X509Certificate(certificate), forge, lived);
        const der = new Uint8Array(aged.rawData);
        database.prepare("UPDATE links SET certificate = ? WHERE id = ?").run(der, id);
        changed += 1;
      }
    } finally {
      database.close();
    }
  }
  if (changed === 0) throw new Error(`no link of ${site} is stored`);
}

/** The same certificate of another time. */
async function copyOf(real: X509Certificate, forge: Forge, { from, to }: Age): Promise<x509.X509Certificate> {
  const spki = real.publicKey.export({ type: "spki", format: "der" });
  return await x509.X509CertificateGenerator.create({
    serialNumber: real.serialNumber.toLowerCase(),
    subject: new x509.X509Certificate(new Uint8Array(real.raw)).subject,
    issuer: forge.authority.subject,
    notBefore: new Date(Date.now() + from),
    notAfter: new Date(Date.now() + to),
    publicKey: await subtle.importKey("spki", spki, CURVE, true, ["verify"]),
    signingKey: forge.key,
    signingAlgorithm: SIGNATURE,
    extensions: [
      new x509.BasicConstraintsExtension(false, undefined, true),
      new x509.KeyUsagesExtension(x509.KeyUsageFlags.digitalSignature, true),
      new x509.ExtendedKeyUsageExtension([
        x509.ExtendedKeyUsage.clientAuth,
        x509.ExtendedKeyUsage.serverAuth,
      ]),
      new x509.SubjectAlternativeNameExtension([
        { type: "url", value: (real.subjectAltName ?? "").replace(/^URI:/, "") },
      ]),
    ],
  });
}
