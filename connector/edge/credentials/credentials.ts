/**
 * The credentials of the edge in its state directory: deployment CA, server certificate and admin key.
 * `edge.json` is written last on the first run. Where it exists, the CA must exist, and is never created
 * again, since every site trusts it.
 */
import { createHash, randomBytes } from "node:crypto";
import * as z from "zod";
import { ConsoleMode } from "../../../protocol/api/console.ts";
import { FairleadError } from "../../../protocol/errors.ts";
import { EdgeOrigin } from "../../../protocol/front/edge-origin.ts";
import { FormerAddress } from "../../../protocol/front/former-address.ts";
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

/** The version of `edge.json` that this program writes. */
export const NEWEST_RECORD = 1;

/** The public door of the last start. */
export const DoorRecord = z.object({
  /** `HOST:PORT` */
  address: z.string(),
  /** Absolute paths of the files with the certificate chain and its key, PEM. */
  certificateFile: z.string().optional(),
  keyFile: z.string().optional(),
  /** Whether the door serves plain HTTP, behind a proxy that ends TLS. */
  plain: z.boolean().optional(),
});
export type DoorRecord = z.infer<typeof DoorRecord>;

/** The console of the last start. */
export const ConsoleRecord = z.object({
  mode: ConsoleMode,
  /** `HOST:PORT` of its listener on loopback; null without one. */
  listen: z.string().nullable(),
});
export type ConsoleRecord = z.infer<typeof ConsoleRecord>;

/** The record of an edge in `edge.json`. The gateway is stored under its former name, `links`. */
export const EdgeRecord = z.object({
  version: z.literal(NEWEST_RECORD),
  /** Version of the program that started the edge last; absent in records of older versions. */
  software: z.string().max(100).optional(),
  /** A port that was chosen once is kept, since tokens and sites hold the URLs. */
  ports: z.object({ api: Port, links: Port, lanes: Port.optional() }),
  /** The hosts that the last start listened on, without ports. `lanes` is null for no port of their own. */
  listen: z.object({ api: z.string(), links: z.string(), lanes: z.string().nullable() }).optional(),
  /** The name of --hostname at the last start; absent without one. */
  hostname: z.string().optional(),
  /** The public URLs of the last start; absent in records of older versions. */
  urls: z.object({ api: EdgeOrigin, links: EdgeOrigin }).optional(),
  /** Addresses before that, oldest first, which sites and tokens may contain. */
  former: z.array(FormerAddress).optional(),
  /** The public door of the last start; absent without one. */
  door: DoorRecord.optional(),
  /** The console of the last start; absent in records of older versions. */
  console: ConsoleRecord.optional(),
  /** Whether the objects have databases: workerd has run. */
  databases: z.boolean().optional(),
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
 * @param established whether the edge has run, which files other than the record may prove
 * @throws FairleadError state.corrupt when an established edge lacks a file or holds a damaged one
 */
export async function openDeployment(
  state: StateDirectory,
  record: Established | null,
  now: number,
  established = record !== null,
): Promise<Deployment> {
  const authority = await openAuthority(state, established, now);
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
    throw state.corrupt(FILES.ca, certificate.trim() === "" ? "is empty" : "is no certificate", {
      action: RESTORE,
    });
  }
  if (!belongTogether({ certificate, privateKey })) {
    const why = `is not the private key of ${state.file(FILES.ca)}`;
    throw state.corrupt(FILES.caKey, why, { action: RESTORE });
  }
  return { certificate, privateKey };
}

/** Begin of a key that an edge made. */
const KEY_PREFIX = "flk_admin_";

/** Shortest admin key that an operator may choose, characters. */
const MIN_KEY = 20;

const NO_KEY =
  "Write the admin key into it again, or remove the file: the edge knows the hash of its key, which stays valid.";

/** Whether a text has the form of an admin key. A key that was cut off could be guessed. */
function isAdminKey(text: string): boolean {
  if (text.startsWith(KEY_PREFIX)) return /^[A-Za-z0-9_-]{43}$/.test(text.slice(KEY_PREFIX.length));
  return text.length >= MIN_KEY && /^[\x21-\x7e]+$/.test(text);
}

/** The hash of the admin key: of its file, which an operator may replace, else of the record. */
async function openAdminKey(state: StateDirectory, record: Established | null): Promise<string> {
  const held = (await readText(state, FILES.adminKey))?.trim();
  if (held !== undefined && held !== "") {
    if (!isAdminKey(held)) throw state.corrupt(FILES.adminKey, "holds no API key", { action: NO_KEY });
    return hashKey(held);
  }
  if (record !== null) return record.adminKeyHash;
  const key = `${KEY_PREFIX}${randomBytes(32).toString("base64url")}`;
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
  return state.corrupt(name, "is missing, but other files here show that this edge ran before", {
    action: RESTORE,
  });
}
