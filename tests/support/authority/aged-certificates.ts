/**
 * Copies of a site's certificates with another validity: the same key and serial number, signed by the network CA's
 * key. A test takes that key from the edge's state directory. Clocks stay as they are; the certificates are older.
 */
import { webcrypto, X509Certificate } from "node:crypto";
import { readdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import * as x509 from "../../../connector/x509.ts";
import { makeSealer } from "../../../workers/authority/sealer.ts";
import type { Edge } from "../process/cluster.ts";

const { subtle } = webcrypto;
const CURVE = { name: "ECDSA", namedCurve: "P-256" } as const;
const SIGNATURE = { name: "ECDSA", hash: "SHA-256" } as const;

/** Validity of a certificate, ms from now. */
export interface Age {
  readonly from: number;
  readonly to: number;
}

/** A CA with its key: of the network, or of an issuer of links. */
export interface Forge {
  readonly authority: x509.X509Certificate;
  readonly key: webcrypto.CryptoKey;
}

/** Reads the network CA, which signs the certificates of sites. */
export async function openForge(edge: Pick<Edge, "stateDir">, networkId: string): Promise<Forge> {
  const [forge] = await openForges(edge, networkId, "SELECT ca_certificate, ca_key_sealed FROM network");
  if (forge === undefined) throw new Error(`No CA of ${networkId} is stored.`);
  return forge;
}

/** Reads the CAs of the issuers of links in a network. */
export function openIssuerForges(edge: Pick<Edge, "stateDir">, networkId: string): Promise<Forge[]> {
  return openForges(edge, networkId, "SELECT certificate, key_sealed FROM issuers");
}

async function openForges(edge: Pick<Edge, "stateDir">, networkId: string, select: string): Promise<Forge[]> {
  const rows = await eachDatabase(edge, (database) => {
    if (!hasTable(database, "network")) return [];
    const here = database.prepare("SELECT 1 FROM network WHERE id = ?").get(networkId) !== undefined;
    return here ? database.prepare(select).all().map(Object.values) : [];
  });
  const secret = await readFile(join(edge.stateDir, "ca-key.pem"), "utf8");
  const sealer = await makeSealer(secret, `authorities:${networkId}`);
  return await Promise.all(
    rows.map(async ([certificate, sealed]) => {
      if (!(certificate instanceof Uint8Array) || !(sealed instanceof Uint8Array)) {
        throw new Error("another form");
      }
      const der = await sealer.open(new Uint8Array(sealed));
      return {
        authority: new x509.X509Certificate(new Uint8Array(certificate)),
        key: await subtle.importKey("pkcs8", der, CURVE, false, ["sign"]),
      };
    }),
  );
}

export function hasTable(database: DatabaseSync, table: string): boolean {
  return database.prepare("SELECT 1 FROM sqlite_master WHERE name = ?").get(table) !== undefined;
}

/** Collects what `look` returns for each database of a stopped edge. */
export async function eachDatabase<T>(
  edge: Pick<Edge, "stateDir">,
  look: (database: DatabaseSync) => T[],
): Promise<T[]> {
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

/** Gives a site a certificate of another age. Its connector must be stopped. */
export async function age(stateDir: string, forge: Forge, lived: Age): Promise<void> {
  const path = join(stateDir, "certificate.pem");
  const real = new X509Certificate(await readFile(path));
  const leaf = await copyOf(real, forge, lived);
  await writeFile(path, `${leaf.toString("pem")}\n${forge.authority.toString("pem")}\n`);
}

/** Gives a site's links certificates of another age in the registry. The edge must be stopped. */
export async function ageLinks(edge: Edge, site: string, forge: Forge, lived: Age): Promise<void> {
  const changes = await eachDatabase(edge, (database) => {
    if (!hasTable(database, "links")) return [];
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
  if (aged.size === 0) throw new Error(`No link of ${site} is stored.`);
  await eachDatabase(edge, (database) => {
    if (!hasTable(database, "links")) return [];
    for (const [id, der] of aged)
      database.prepare("UPDATE links SET certificate = ? WHERE id = ?").run(der, id);
    return [];
  });
}

/** Copies a certificate with another validity. */
export async function copyOf(
  real: X509Certificate,
  forge: Forge,
  { from, to }: Age,
): Promise<x509.X509Certificate> {
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
