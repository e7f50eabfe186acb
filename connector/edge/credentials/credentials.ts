/**
 * The credentials of the edge in its state directory: deployment CA, server certificate and admin key.
 * `edge.json` is written last on the first run. Where it exists, the CA must exist, and is never created
 * again, since every site trusts it.
 */
import { createHash, randomBytes } from "node:crypto";
import { z } from "zod";
import { FairleadError } from "../../../protocol/errors.ts";
import { EdgeOrigin } from "../../../protocol/front/edge-origin.ts";
import type { StateDirectory } from "../../state/directory.ts";
import {
  belongTogether,
  type Credential,
  isSignedBy,
  makeDeploymentAuthority,
  makeServerCertificate,
  readValidity,
  type Validity,
} from "./certificates.ts";
import { needsRenewal } from "./renewal.ts";

/** Names of the files in the state directory. */
export const FILES = {
  ca: "ca.pem",
  caKey: "ca-key.pem",
  server: "server.pem",
  serverKey: "server-key.pem",
  adminKey: "admin-key",
  edge: "edge.json",
} as const;

const Port = z.int().min(1).max(65535);

/** The record of an edge in `edge.json`. The gateway is stored under its former name, `links`. */
export const EdgeRecord = z.object({
  version: z.literal(1),
  /** A port that was chosen once is kept, since tokens and sites hold the URLs. */
  ports: z.object({ api: Port, links: Port, lanes: Port.optional() }),
  /** The public URLs of the last start; absent in records of older versions. */
  urls: z.object({ api: EdgeOrigin, links: EdgeOrigin }).optional(),
  /** SHA-256 of the first admin key, lower-case hex. The operator may remove the key's file. */
  adminKeyHash: z.string().regex(/^[0-9a-f]{64}$/),
});
export type EdgeRecord = z.infer<typeof EdgeRecord>;

/** The part of a record that proves an earlier run. */
export type Established = Pick<EdgeRecord, "adminKeyHash">;

/** The credentials that exist from the first run on. */
export interface Deployment {
  readonly authority: Credential;
  readonly adminKeyHash: string;
}

/**
 * Reads the deployment CA and the admin key, or creates them on the first run.
 *
 * @param record null on the first run
 * @throws FairleadError state.corrupt when an established edge lacks a file or holds a damaged one
 */
export async function openDeployment(
  state: StateDirectory,
  record: Established | null,
  now: number,
): Promise<Deployment> {
  const authority = await openAuthority(state, record !== null, now);
  return { authority, adminKeyHash: await openAdminKey(state, record) };
}

/** What to do about a damaged edge: its sites trust this CA alone, so a new edge is no help. */
const RESTORE =
  "Put the file back from a backup of the state directory, or restore the edge into an empty one with `fairlead edge restore FILE --state DIR`: sites trust this CA alone.";

async function openAuthority(state: StateDirectory, established: boolean, now: number): Promise<Credential> {
  const certificate = await readText(state, FILES.ca);
  const privateKey = await readText(state, FILES.caKey);
  if (certificate === null || privateKey === null) {
    // A first run that was interrupted here has not published anything yet.
    if (established) throw missing(state, certificate === null ? FILES.ca : FILES.caKey);
    const made = await makeDeploymentAuthority(now);
    await state.writeAtomic(FILES.caKey, made.privateKey);
    await state.writeAtomic(FILES.ca, made.certificate, { mode: 0o644 });
    return made;
  }
  if (readValidity(certificate) === null) {
    const what = certificate.trim() === "" ? "is empty" : "is no certificate";
    throw new FairleadError("state.corrupt", `${state.file(FILES.ca)} ${what}.`, { action: RESTORE });
  }
  if (!belongTogether({ certificate, privateKey })) {
    throw new FairleadError(
      "state.corrupt",
      `${state.file(FILES.caKey)} is not the private key of ${state.file(FILES.ca)}.`,
      { action: RESTORE },
    );
  }
  return { certificate, privateKey };
}

/** The hash of the admin key: of its file, which an operator may replace, else of the record. */
async function openAdminKey(state: StateDirectory, record: Established | null): Promise<string> {
  const held = (await readText(state, FILES.adminKey))?.trim();
  if (held !== undefined && held !== "") return hashKey(held);
  if (record !== null) return record.adminKeyHash;
  const key = `flk_admin_${randomBytes(32).toString("base64url")}`;
  await state.writeAtomic(FILES.adminKey, `${key}\n`);
  return hashKey(key);
}

/** A server certificate and its validity. */
export interface ServerCertificate {
  readonly credential: Credential;
  readonly validity: Validity;
  /** Whether it is new. */
  readonly made: boolean;
}

export interface ServerCertificateOptions {
  readonly authority: Credential;
  readonly names: readonly string[];
  /** ms since 1970. */
  readonly now: number;
  /** ms */
  readonly lifetime?: number | undefined;
}

/**
 * Opens the stored server certificate, or creates one when it is missing, damaged, too old or for other
 * names.
 */
export async function openServerCertificate(
  state: StateDirectory,
  options: ServerCertificateOptions,
): Promise<ServerCertificate> {
  const held = await readServerCertificate(state, options.authority);
  if (held !== null && !needsRenewal(held.validity, options.names, options.now)) return held;
  const credential = await makeServerCertificate(options);
  await state.writeAtomic(FILES.serverKey, credential.privateKey);
  await state.writeAtomic(FILES.server, credential.certificate);
  const validity = readValidity(credential.certificate);
  if (validity === null)
    throw new FairleadError("edge.failed", "The server certificate could not be created.");
  return { credential, validity, made: true };
}

/**
 * Reads the stored certificate; null when it is missing or unusable. A crash between its two files leaves a
 * wrong key.
 */
async function readServerCertificate(
  state: StateDirectory,
  authority: Credential,
): Promise<ServerCertificate | null> {
  const certificate = await readText(state, FILES.server);
  const privateKey = await readText(state, FILES.serverKey);
  if (certificate === null || privateKey === null) return null;
  const credential = { certificate, privateKey };
  if (!belongTogether(credential) || !isSignedBy(certificate, authority.certificate)) return null;
  const validity = readValidity(certificate);
  return validity === null ? null : { credential, validity, made: false };
}

async function readText(state: StateDirectory, name: string): Promise<string | null> {
  return (await state.read(name))?.toString("utf8") ?? null;
}

function hashKey(key: string): string {
  return createHash("sha256").update(key).digest("hex");
}

function missing(state: StateDirectory, name: string): FairleadError {
  return new FairleadError(
    "state.corrupt",
    `${state.file(name)} is missing, but ${state.file(FILES.edge)} shows that this edge ran before.`,
    { action: RESTORE },
  );
}
