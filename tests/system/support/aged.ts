/**
 * Certificates of another age for a site: of the same key and serial number, signed by the network CA's key, which a test
 * takes from the edge's state directory. Time passes for real here; the certificates are what is older.
 */
import { webcrypto, X509Certificate } from "node:crypto";
import { readdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import * as x509 from "../../../connector/x509.ts";
import { makeSealer } from "../../../workers/authority/sealer.ts";
import type { Edge } from "../../support/cluster.ts";

const { subtle } = webcrypto;
const CURVE = { name: "ECDSA", namedCurve: "P-256" } as const;
const SIGNATURE = { name: "ECDSA", hash: "SHA-256" } as const;

/** From when to when, ms from now. */
export interface Age {
  readonly from: number;
  readonly to: number;
}

/** The network's own CA: a site takes certificates of no other. */
export interface Forge {
  readonly networkId: string;
  readonly authority: x509.X509Certificate;
  readonly key: webcrypto.CryptoKey;
}

export async function openForge(edge: Edge, networkId: string): Promise<Forge> {
  const rows = await eachDatabase(edge, (database) => {
    if (!database.prepare("SELECT 1 FROM sqlite_master WHERE name = 'network'").get()) return [];
    return database.prepare("SELECT id, ca_certificate, ca_key_sealed FROM network").all();
  });
  const row = rows.find(({ id }) => id === networkId);
  const [certificate, sealed] = [row?.ca_certificate, row?.ca_key_sealed];
  if (!(certificate instanceof Uint8Array) || !(sealed instanceof Uint8Array)) {
    throw new Error(`no CA of ${networkId} is stored`);
  }
  const secret = await readFile(join(edge.stateDir, "ca-key.pem"), "utf8");
  const der = await (await makeSealer(secret, `authorities:${networkId}`)).open(sealed);
  return {
    networkId,
    authority: new x509.X509Certificate(new Uint8Array(certificate)),
    key: await subtle.importKey("pkcs8", der, CURVE, false, ["sign"]),
  };
}

/** What a look into each of the edge's databases finds. */
async function eachDatabase<T>(edge: Edge, look: (database: DatabaseSync) => T[]): Promise<T[]> {
  const objects = join(edge.stateDir, "objects");
  const names = await readdir(objects, { recursive: true });
  return names
    .filter((each) => each.endsWith(".sqlite"))
    .flatMap((name) => {
      const database = new DatabaseSync(join(objects, name));
      try {
        return look(database);
      } finally {
        database.close();
      }
    });
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
  const changes = await eachDatabase(edge, (database) => {
    if (!database.prepare("SELECT 1 FROM sqlite_master WHERE name = 'links'").get()) return [];
    const rows = database.prepare("SELECT id, certificate FROM links WHERE joiner = ?").all(site);
    return rows.map(async ({ id, certificate }) => {
      if (typeof id !== "string" || !(certificate instanceof Uint8Array)) throw new Error("another form");
      return {
        id,
        aged: new Uint8Array((await copyOf(new X509Certificate(certificate), forge, lived)).rawData),
      };
    });
  });
  const aged = new Map((await Promise.all(changes)).map((change) => [change.id, change.aged]));
  if (aged.size === 0) throw new Error(`no link of ${site} is stored`);
  await eachDatabase(edge, (database) => {
    if (!database.prepare("SELECT 1 FROM sqlite_master WHERE name = 'links'").get()) return [];
    for (const [id, der] of aged)
      database.prepare("UPDATE links SET certificate = ? WHERE id = ?").run(der, id);
    return [];
  });
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
